package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// diagnosis is what toolgate doctor --json says.
type diagnosis struct {
	Faults   int
	Findings []struct{ ID, Check, Level, Text, Cause string }
	text     string
}

// faults are the ids of the faults, each once, in order.
func (d *diagnosis) faults() []string {
	var ids []string
	for _, f := range d.Findings {
		if f.Level == "fault" {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (d *diagnosis) has(id string) bool {
	for _, f := range d.Findings {
		if f.ID == id {
			return true
		}
	}
	return false
}

// diagnose runs toolgate doctor, whose status has to say whether there is a fault.
func diagnose(t *testing.T, key string, args ...string) *diagnosis {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"doctor", "--json"}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"TOOLGATE_DOCTOR_KEY=" + key, "HOME=" + cmd.Dir}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its status is looked at below
	d := &diagnosis{text: out.String()}
	if err := json.Unmarshal(out.Bytes(), d); err != nil {
		t.Fatalf("toolgate doctor wrote no JSON: %v\n%s\n%s", err, out.String(), errs.String())
	}
	if got, want := cmd.ProcessState.ExitCode(), min(d.Faults, 1); got != want {
		t.Errorf("toolgate doctor ended with %d after %d faults, want %d\n%s", got, d.Faults, want, errs.String())
	}
	if key != "" && strings.Contains(d.text, key) {
		t.Errorf("the report holds the key:\n%s", d.text)
	}
	return d
}

// TestDoctorFindsNothingWrongWithAServer comes without any proxy.
func TestDoctorFindsNothingWrongWithAServer(t *testing.T) {
	t.Parallel()
	s := start(t, "TOOLGATE_SSE_PING_INTERVAL=1s")
	began := time.Now()
	d := diagnose(t, "", s.url)
	if got := d.faults(); got != nil {
		t.Errorf("faults: got %v, want none\n%s", got, d.text)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("it took %v, want less than %v", took, patience)
	}
	for _, id := range []string{"sse-prompt", "sse-tools", "mcp-tools", "stateless", "replicas", "quiet", "body"} {
		if !d.has(id) {
			t.Errorf("nothing was said of %s\n%s", id, d.text)
		}
	}
}

// TestDoctorAndCredentials comes to a server that asks for keys without one, with a good one and with a bad one.
func TestDoctorAndCredentials(t *testing.T) {
	t.Parallel()
	key, file := newKey(t, "tools:read")
	s := start(t, "TOOLGATE_AUTH_MODE=keys", "TOOLGATE_AUTH_KEYS_FILE="+file, "TOOLGATE_SSE_PING_INTERVAL=1s")
	for name, c := range map[string]struct {
		key  string
		want []string
	}{
		"none": {"", nil},
		"good": {key, nil},
		"bad":  {"tg_nobody_has_this_key", []string{"key-refused"}},
	} {
		d := diagnose(t, c.key, s.url)
		if got := d.faults(); !slices.Equal(got, c.want) {
			t.Errorf("%s: faults: got %v, want %v\n%s", name, got, c.want, d.text)
		}
		if told := strings.Contains(d.text, "\"give --key"); told != (c.key == "") {
			t.Errorf("%s: told to give a key: got %v\n%s", name, told, d.text)
		}
	}
}

// TestDoctorThroughNGINX comes through a real nginx over HTTPS: one that is right, and ones with a mistake each.
func TestDoctorThroughNGINX(t *testing.T) {
	key, file := newKey(t, "tools:read")
	keys := []string{"TOOLGATE_AUTH_MODE=keys", "TOOLGATE_AUTH_KEYS_FILE=" + file, "TOOLGATE_SERVER_TRUSTED_PROXIES=127.0.0.1", "TOOLGATE_SERVER_LAME_DUCK=0s"}
	known := slices.Concat(keys, []string{"TOOLGATE_SERVER_PUBLIC_URL=" + doctorURL})
	named := slices.Concat(keys, []string{"TOOLGATE_SERVER_ALLOWED_HOSTS=" + doctorName})
	beating, silent := "TOOLGATE_SSE_PING_INTERVAL=1s", "TOOLGATE_SSE_PING_INTERVAL=30s"
	for name, c := range map[string]struct {
		server []string
		nginx  mistakes
		idle   string
		want   []string
	}{
		"right":                {append(known, beating), mistakes{}, "3s", nil},
		"right by the headers": {append(named, beating), mistakes{}, "3s", nil},
		"buffered":             {append(known, beating), mistakes{Buffered: true}, "3s", []string{"stream-buffered"}},
		"compressed":           {append(known, beating), mistakes{Zipped: true}, "3s", []string{"stream-compressed"}},
		"impatient":            {append(known, silent), mistakes{Patience: "3s"}, "10s", []string{"stream-cut"}},
		"another Host":         {append(known, beating), mistakes{Host: "backend.internal"}, "3s", []string{"host-rewritten"}},
		"unknown Host":         {append(keys, beating), mistakes{}, "3s", []string{"host-refused"}},
		"prefix lost":          {append(named, beating), mistakes{Stripped: true}, "3s", []string{"endpoint-stripped"}},
		"body lost":            {append(known, beating), mistakes{Redirect: 301}, "3s", []string{"redirect-301"}},
		"small bodies":         {append(known, beating), mistakes{Body: "1m"}, "3s", []string{"body-limit"}},

		// A Host that is refused everywhere hides what is behind it. So it is another one at /mcp alone, where a location
		// inherits nothing, and then one that the server takes for its own, as nginx sends it when nothing is said.
		"all, one Host refused": {
			append(named, silent),
			mistakes{Buffered: true, Zipped: true, Patience: "3s", Stripped: true, Host: "backend.internal", HostOf: doctorPrefix + "/mcp"},
			"10s",
			[]string{"endpoint-stripped", "host-rewritten", "stream-buffered", "stream-compressed", "stream-cut"},
		},
		"all, another Host": {
			append(named, silent),
			mistakes{Buffered: true, Zipped: true, Patience: "3s", Stripped: true, Host: "localhost"},
			"10s",
			[]string{"endpoint-stripped", "origin-own", "stream-buffered", "stream-compressed", "stream-cut"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := doctorProxy(t, start(t, c.server...), c.nginx)
			d := diagnose(t, key, append(e.args(), "--idle", c.idle)...)
			if got := d.faults(); !slices.Equal(got, c.want) {
				t.Errorf("faults: got %v, want %v\n%s", got, c.want, d.text)
			}
			if c.nginx.Host == "localhost" && !d.has("host-foreign") {
				t.Errorf("nothing was said of a foreign Host that is answered\n%s", d.text)
			}
		})
	}
}

// TestDoctorCommandLine ends with 2 where its words are wrong, and says which, but never the key.
func TestDoctorCommandLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "name one URL"},
		{[]string{"tools.example.com"}, "no URL"},
		{[]string{"https://a.example", "https://b.example"}, "name one URL"},
		{[]string{"https://a.example", "--idle", "soon"}, "idle"},
		{[]string{"https://a.example", "--key", "secret with spaces"}, "no header can hold"},
	} {
		cmd := exec.CommandContext(t.Context(), binary, append([]string{"doctor"}, c.args...)...)
		cmd.Dir = t.TempDir()
		out, _ := cmd.CombinedOutput() // its status is looked at below
		if got := cmd.ProcessState.ExitCode(); got != 2 {
			t.Errorf("doctor %q ended with %d, want 2", c.args, got)
		}
		if !strings.Contains(string(out), c.says) || strings.Contains(string(out), "secret with") {
			t.Errorf("doctor %q said %q, want %q in it and no key", c.args, out, c.says)
		}
	}
}
