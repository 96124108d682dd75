// Package config is what an operator may decide about Toolgate: one tagged struct a section, read from one YAML file, the
// environment, a .env file and flags, and checked as a whole before anything starts.
//
// A value of Config that [Load] returned is valid; consumers take their section by value and need not check it again.
// The struct tags are the single source of the keys' names, limits and documentation:
//
//	yaml    the key's name within its section
//	doc     one or two sentences for docs/configuration.md and the flags' usage
//	oneof   the values allowed, separated by |
//	range   the least and the greatest value allowed, LOW..HIGH, written as the value itself is
//	zero    what 0 means, for a key that allows it beside its range
//	legacy  the variable that older servers read for the same thing
//	restart "yes" for a key that counts from the next start, "front" for one that does with auth.mode: front; all others follow
//	        the configuration while the server runs
package config

import "time"

//go:generate go run toolgate/config/internal/configdoc -o ../docs/configuration.md

// Config is the whole configuration. Start from [Default] or [Load]; the zero value is not valid.
type Config struct {
	Server  Server  `yaml:"server" doc:"Where the HTTP server listens and which names it answers to."`
	SSE     SSE     `yaml:"sse" doc:"The HTTP+SSE transport: /sse and the paths its messages are posted to."`
	MCP     MCP     `yaml:"mcp" doc:"How the protocol is spoken, on every transport."`
	Limits  Limits  `yaml:"limits" doc:"What one client, one session or the whole process may use up."`
	Auth    Auth    `yaml:"auth" doc:"Who may call."`
	Tools   Tools   `yaml:"tools" doc:"Which tools are offered."`
	Redis   Redis   `yaml:"redis" doc:"What several processes share."`
	Metrics Metrics `yaml:"metrics" doc:"Metrics, for Prometheus to fetch and for OpenTelemetry collectors."`
	Tracing Tracing `yaml:"tracing" doc:"OpenTelemetry traces."`
	Audit   Audit   `yaml:"audit" doc:"The record of who called what."`
	Log     Log     `yaml:"log" doc:"The program's own log."`
}

// Server says where the HTTP server listens and which names it answers to.
type Server struct {
	Host           string        `yaml:"host" restart:"yes" legacy:"MCP_SSE_HOST" doc:"Address to listen on: localhost (both 127.0.0.1 and ::1), an IP address, or a host name. 0.0.0.0 or :: is every address of the machine; anything beyond loopback needs auth.mode to be written out."`
	Port           int           `yaml:"port" restart:"yes" range:"0..65535" legacy:"MCP_SSE_PORT" doc:"Port to listen on; 0 takes any free port."`
	PublicURL      string        `yaml:"public_url" restart:"front" doc:"The URL clients reach this server by when a proxy stands in front, such as https://tools.example.com/mcp-server. Its host becomes an allowed host. A trailing slash is dropped."`
	BasePath       string        `yaml:"base_path" restart:"yes" doc:"Prefix of every path of the server, such as /mcp-server, for a proxy that passes the prefix on. A trailing slash is dropped."`
	AllowedHosts   []string      `yaml:"allowed_hosts" legacy:"ALLOWED_HOSTS" doc:"Host headers answered beside the loopback names and the host of server.public_url: HOST (any port), HOST:PORT, or *.DOMAIN, which stands for exactly one label."`
	AllowedOrigins []string      `yaml:"allowed_origins" legacy:"ALLOWED_ORIGINS" doc:"Origins of web pages that may call, such as https://app.example.com; https://*.example.com stands for exactly one label. On a loopback bind, pages of this machine may too; every other Origin is refused."`
	TrustedProxies []string      `yaml:"trusted_proxies" restart:"front" doc:"Addresses or CIDR ranges of the proxies whose X-Forwarded headers are believed. From anyone else they are ignored."`
	LameDuck       time.Duration `yaml:"lame_duck" range:"1s..1m" zero:"none" doc:"How long the server, once told to stop, goes on taking requests while /readyz says 503, so that load balancers send it no more. On a loopback bind without server.public_url nobody balances load, and there is none."`
	ShutdownGrace  time.Duration `yaml:"shutdown_grace" range:"1s..10m" doc:"How long running calls and open streams may take to finish once the server was told to stop."`
}

// PingStyle is the form of the heartbeat on an SSE stream.
type PingStyle string

// The ping styles.
const (
	PingComment PingStyle = "comment" // ": ping", which every client ignores
	PingEvent   PingStyle = "event"   // "event: ping", which some strict clients refuse
)

// EndpointStyle is the form of the data of the endpoint event.
type EndpointStyle string

// The endpoint styles.
const (
	EndpointPath EndpointStyle = "path" // the bare path, as the protocol has it
	EndpointJSON EndpointStyle = "json" // {"url": PATH}, for clients written against that form
)

// SSE is the HTTP+SSE transport.
type SSE struct {
	PingInterval    time.Duration `yaml:"ping_interval" range:"1s..5m" doc:"Time between heartbeats on a quiet stream. Keep it below the read time-out of every proxy on the way; nginx cuts at 60s."`
	PingStyle       PingStyle     `yaml:"ping_style" oneof:"comment|event" doc:"The heartbeat: an SSE comment, which every client ignores, or an event named ping, for clients that wait for one."`
	AnnounceSession bool          `yaml:"announce_session" doc:"Send the session id as an event of its own after the endpoint event."`
	EndpointStyle   EndpointStyle `yaml:"endpoint_style" oneof:"path|json" doc:"Data of the endpoint event: the bare path, or the JSON object {\"url\": PATH}, which only clients written for it understand."`
	MessagePath     string        `yaml:"message_path" oneof:"/messages/|/messages|/message|/sse/messages" doc:"The path the endpoint event announces. All of them are served."`
	ResumeWindow    time.Duration `yaml:"resume_window" restart:"yes" range:"1s..5m" zero:"off" doc:"How long a session whose stream broke is kept, with what it missed, for the client to come back."`
	WriteTimeout    time.Duration `yaml:"write_timeout" range:"1s..1m" doc:"How long one write to a stream may take before the client counts as gone."`
}

// ContentMode says in which form a structured tool result is sent.
type ContentMode string

// The content modes.
const (
	ContentBoth       ContentMode = "both"       // structured, and the same as text
	ContentText       ContentMode = "text"       // text only
	ContentStructured ContentMode = "structured" // structured only
)

// MCP is how the protocol is spoken.
type MCP struct {
	PageSize         int           `yaml:"page_size" restart:"yes" range:"1..10000" doc:"Entries on one page of a list. Many clients never ask for the second page, so keep it above the number of tools."`
	CallTimeout      time.Duration `yaml:"call_timeout" restart:"yes" range:"1s..15m" doc:"How long one tool call may run."`
	ProgressInterval time.Duration `yaml:"progress_interval" restart:"yes" range:"1s..5m" doc:"Time between the progress notifications a running call sends by itself to a client that asked for progress, so that the client does not give up."`
	ContentMode      ContentMode   `yaml:"content_mode" restart:"yes" oneof:"both|text|structured" doc:"How structured tool results are sent: as structured content, as text, or as both. Both serves every client and costs a model the most tokens."`
	StateKeyFile     string        `yaml:"state_key_file" restart:"yes" doc:"Path of a file whose contents, at least 32 bytes, seal what stateless clients carry from one request to the next. Give every replica the same; empty is a key of this process's own, lost at a restart."`
	Instructions     string        `yaml:"instructions" restart:"yes" doc:"Text handed to clients when they connect, for the model to read."`
}

// Limits bounds what one client, one session or the process may use up. What happens at each limit is in its doc.
type Limits struct {
	Body               Bytes         `yaml:"body" range:"1KiB..64MiB" doc:"Largest request body; a larger one is answered 413."`
	Result             Bytes         `yaml:"result" restart:"yes" range:"1KiB..64MiB" doc:"Largest tool result sent at once; what is left over is fetched by another call."`
	Sessions           int           `yaml:"sessions" restart:"yes" range:"1..1000000" doc:"Sessions the process holds; beyond, new ones are answered 503."`
	SessionsPerClient  int           `yaml:"sessions_per_client" restart:"yes" range:"1..1000000" doc:"Sessions of one authenticated principal; beyond, new ones are answered 429."`
	SessionsPerAddress int           `yaml:"sessions_per_address" restart:"yes" range:"1..1000000" doc:"Sessions of one client address; beyond, new ones are answered 429."`
	SessionIdle        time.Duration `yaml:"session_idle" restart:"yes" range:"1m..24h" zero:"never" doc:"A session that has no stream open, or a stream that its client never used, is ended after this long without a message."`
	Inbox              int           `yaml:"inbox" restart:"yes" range:"1..65536" doc:"Messages a session may have waiting to be handled; beyond, posts are answered 429."`
	Outbox             int           `yaml:"outbox" restart:"yes" range:"1..65536" doc:"Messages waiting to be written to one client; beyond, the client counts as stalled and its stream is closed."`
	OutboxBytes        Bytes         `yaml:"outbox_bytes" restart:"yes" range:"64KiB..256MiB" doc:"Bytes waiting to be written to one client; beyond, the client counts as stalled and its stream is closed."`
	CallsPerSession    int           `yaml:"calls_per_session" restart:"yes" range:"1..65536" doc:"Tool calls running at once in one session."`
	Calls              int           `yaml:"calls" restart:"yes" range:"1..65536" doc:"Tool calls running at once in the process."`
	Rates              Rates         `yaml:"rates"`
}

// Redis is the server that several processes share state in.
type Redis struct {
	URL     Secret        `yaml:"url" restart:"yes" legacy:"REDIS_URL" doc:"redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss:// for TLS, or unix://[USER:PASSWORD@]/PATH?db=DB. Rates are counted there, over all processes. Empty is none."`
	Prefix  string        `yaml:"prefix" restart:"yes" doc:"What every key begins with; two deployments that share a server need two."`
	Timeout time.Duration `yaml:"timeout" restart:"yes" range:"10ms..10s" doc:"How long one command may take. After that the process goes on by itself for a while."`
}

// Metrics is the Prometheus endpoint, and the export to a collector.
type Metrics struct {
	Enabled      bool          `yaml:"enabled" restart:"yes" doc:"Serve GET /metrics."`
	Listen       string        `yaml:"listen" restart:"yes" doc:"Address of a listener of its own for /metrics, such as 127.0.0.1:9464; it asks for no credential. Empty serves /metrics beside everything else, to callers with the scope admin."`
	OTLPEndpoint string        `yaml:"otlp_endpoint" restart:"yes" legacy:"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" doc:"URL that metrics are sent to by OTLP over HTTP, such as http://127.0.0.1:4318/v1/metrics. Empty sends none."`
	OTLPInterval time.Duration `yaml:"otlp_interval" restart:"yes" range:"1s..10m" doc:"Time between two of those."`
}

// Tracing is the export of traces.
type Tracing struct {
	OTLPEndpoint string `yaml:"otlp_endpoint" restart:"yes" legacy:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" doc:"URL that traces are sent to by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces. Empty makes none."`
	OTLPHeaders  Secret `yaml:"otlp_headers" restart:"yes" legacy:"OTEL_EXPORTER_OTLP_HEADERS" doc:"Headers sent with traces and metrics, NAME=VALUE separated by commas; collectors take their keys so."`
	Sample       int    `yaml:"sample" restart:"yes" range:"0..100" doc:"Percentage of requests that are traced, of those whose caller has not decided it."`
	ServiceName  string `yaml:"service_name" restart:"yes" legacy:"OTEL_SERVICE_NAME" doc:"What traces and metrics call this server."`
}

// Audit is the record of calls.
type Audit struct {
	File      string `yaml:"file" restart:"yes" doc:"File that gets one line of JSON a tool call, each sealed to the one before; toolgate audit verify proves that none was changed. Empty keeps no record."`
	MaxSize   Bytes  `yaml:"max_size" restart:"yes" range:"64KiB..1024MiB" doc:"Size at which another file is begun."`
	Keep      int    `yaml:"keep" restart:"yes" range:"1..10000" zero:"all" doc:"Full files kept; older ones are removed."`
	Arguments bool   `yaml:"arguments" restart:"yes" doc:"Record arguments too, without those that a schema marks as sensitive."`
}

// LogFormat is the form of a log line.
type LogFormat string

// The log formats.
const (
	LogJSON    LogFormat = "json"    // one object a line
	LogConsole LogFormat = "console" // for people
)

// Log is the program's own log.
type Log struct {
	Level  string    `yaml:"level" oneof:"debug|info|warn|error" doc:"The least important lines still written."`
	Format LogFormat `yaml:"format" restart:"yes" oneof:"json|console" doc:"json for machines, console for people."`
	File   string    `yaml:"file" restart:"yes" doc:"File to append to; empty is standard error."`
}

// Default is the configuration of a server nobody configured: it listens on loopback only, offers the demo data and
// changes nothing.
func Default() Config {
	return Config{
		Server: Server{
			Host:          "localhost",
			Port:          3002,
			LameDuck:      5 * time.Second,
			ShutdownGrace: 30 * time.Second,
		},
		SSE: SSE{
			PingInterval:  15 * time.Second,
			PingStyle:     PingComment,
			EndpointStyle: EndpointPath,
			MessagePath:   "/messages/",
			ResumeWindow:  time.Minute,
			WriteTimeout:  10 * time.Second,
		},
		MCP: MCP{
			PageSize:         1000,
			CallTimeout:      time.Minute,
			ProgressInterval: 15 * time.Second,
			ContentMode:      ContentBoth,
		},
		Limits: Limits{
			Body:               4 * MiB,
			Result:             4 * MiB,
			Sessions:           10_000,
			SessionsPerClient:  50,
			SessionsPerAddress: 200,
			SessionIdle:        30 * time.Minute,
			Inbox:              64,
			Outbox:             256,
			OutboxBytes:        1 * MiB,
			CallsPerSession:    32,
			Calls:              512,
			Rates:              Rates{AuthFailures: "10-M"},
		},
		Auth:    defaultAuth(),
		Tools:   defaultTools(),
		Redis:   Redis{Prefix: "toolgate", Timeout: 500 * time.Millisecond},
		Metrics: Metrics{Enabled: true, OTLPInterval: time.Minute},
		Tracing: Tracing{Sample: 100, ServiceName: "toolgate"},
		Audit:   Audit{MaxSize: 100 * MiB, Keep: 10, Arguments: true},
		Log:     Log{Level: "info", Format: LogJSON},
	}
}
