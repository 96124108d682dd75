package doctor

import (
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	keyVariable = "TOOLGATE_DOCTOR_KEY"
	maxKeyFile  = 64 << 10 // bytes; more is another file than one of a key
	maxIdle     = 24 * time.Hour
)

// options are a command line that was understood.
type options struct {
	target   target
	key      string
	idle     time.Duration // how long a quiet stream has to live; 0: until its first heartbeat
	roots    *x509.CertPool
	insecure bool
	origin   string
	json     bool
	resolve  map[string]string // HOST:PORT to the address dialled for it
}

const usageText = `usage: toolgate doctor [flags] URL

Probes a running deployment from outside, as clients do: names, certificates, redirects, Host and Origin, CORS, credentials and
OAuth's documents, streams and what proxies do to them, sessions and replicas. URL is what clients are given, without /mcp or /sse.
Ends with 1 where something is wrong, and says which line to change.

flags:
`

// parse reads the command line. Flags may stand before and after the URL. Help is written to out.
func parse(args []string, getenv func(string) string, out io.Writer) (*options, error) {
	o := &options{resolve: map[string]string{}}
	var keyFile, caFile string
	flags := flag.NewFlagSet("toolgate doctor", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.key, "key", "", "the `KEY` or token to come with; others on this machine can see it, --key-file and "+keyVariable+" are for yourself")
	flags.StringVar(&keyFile, "key-file", "", "a `FILE` that holds the key")
	flags.DurationVar(&o.idle, "idle", 0, "how long a quiet stream has to live, such as 2m; without it, until its first heartbeat")
	flags.StringVar(&caFile, "ca", "", "a `FILE` of certificates (PEM) that vouch for the server's, beside the system's")
	flags.BoolVar(&o.insecure, "insecure", false, "send the key though nobody vouches for the server's certificate")
	flags.StringVar(&o.origin, "origin", "", "an `ORIGIN` whose pages are to call, such as https://app.example.com")
	flags.BoolVar(&o.json, "json", false, "write the findings as one JSON object")
	flags.Func("resolve", "connect to ADDR for HOST:PORT, `HOST:PORT:ADDR`; ADDR is an address, with a port where that is another; may be repeated", o.addResolve)
	words, err := parseWords(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(out, usageText)
		flags.SetOutput(out)
		flags.PrintDefaults()
		return nil, flag.ErrHelp
	}
	if err != nil {
		return nil, usagef("%w", err)
	}
	if len(words) != 1 {
		return nil, usagef("name one URL, such as toolgate doctor https://tools.example.com, not %d", len(words))
	}
	if o.target, err = parseTarget(words[0]); err != nil {
		return nil, usagef("%w", err)
	}
	if o.idle < 0 || o.idle > maxIdle {
		return nil, usagef("--idle: %v is not between 0s and %v", o.idle, maxIdle)
	}
	if o.origin != "" && !isOrigin(o.origin) {
		return nil, usagef("--origin: write scheme, host and port only, like https://app.example.com")
	}
	if err := o.readKey(keyFile, getenv); err != nil {
		return nil, err
	}
	if caFile != "" {
		if o.roots, err = readRoots(caFile); err != nil {
			return nil, usagef("--ca: %w", err)
		}
	}
	return o, nil
}

func parseWords(flags *flag.FlagSet, args []string) ([]string, error) {
	var words []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if args = flags.Args(); len(args) == 0 {
			return words, nil
		}
		words, args = append(words, args[0]), args[1:]
	}
}

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: %w; see toolgate doctor -h", ErrUsage, fmt.Errorf(format, args...))
}

// readKey finds the key: the flag's, else the file's, else the variable's. It is never quoted.
func (o *options) readKey(file string, getenv func(string) string) error {
	switch {
	case o.key != "" && file != "":
		return usagef("--key and --key-file: give one of them")
	case file != "":
		text, err := readKeyFile(file)
		if err != nil {
			return usagef("--key-file: %w", err)
		}
		o.key = text
	case o.key == "":
		o.key = strings.TrimSpace(getenv(keyVariable))
	}
	for _, b := range []byte(o.key) {
		if b <= ' ' || b > '~' {
			return usagef("the key has a character that no header can hold: is it the key alone?")
		}
	}
	return nil
}

func readKeyFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return key, nil
}

func readRoots(name string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", name)
	}
	return roots, nil
}

// addResolve reads HOST:PORT:ADDR, as curl writes it, or HOST:PORT:ADDR:PORT.
func (o *options) addResolve(text string) error {
	host, rest, ok := cutHost(text)
	port, addr, ok2 := strings.Cut(rest, ":")
	number, err := strconv.ParseUint(port, 10, 16)
	if !ok || !ok2 || err != nil || number == 0 {
		return errors.New("write HOST:PORT:ADDR, such as tools.example.com:443:203.0.113.7")
	}
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		plain, err := netip.ParseAddr(strings.Trim(addr, "[]"))
		if err != nil {
			return errors.New("ADDR is an address such as 203.0.113.7 or [2001:db8::7]:8443")
		}
		to = netip.AddrPortFrom(plain, uint16(number))
	}
	o.resolve[strings.ToLower(host)+":"+port] = to.String()
	return nil
}

// cutHost takes the host off HOST:…, where an IPv6 address stands in brackets.
func cutHost(text string) (host, rest string, ok bool) {
	if strings.HasPrefix(text, "[") {
		host, rest, ok = strings.Cut(text[1:], "]:")
	} else {
		host, rest, ok = strings.Cut(text, ":")
	}
	return host, rest, ok && host != ""
}

func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host != "" && u.User == nil && text == u.Scheme+"://"+u.Host
}
