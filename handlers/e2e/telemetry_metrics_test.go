package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// grafana is where the dashboard and the rules are.
var grafana = filepath.Join(root, "deploy", "grafana")

// observed is a server with a tool of an API of the test's own, and the file that it follows.
func observed(t *testing.T, api http.Handler, env ...string) (s *server, file string) {
	t.Helper()
	upstream := httptest.NewServer(api)
	t.Cleanup(upstream.Close)
	file = filepath.Join(t.TempDir(), "toolgate.yaml")
	writeFile(t, file, fmt.Sprintf(`tools:
  http:
    private: ["127.0.0.1"]
    apis:
      shop: {url: %q}
    tools:
      - name: get_order
        description: One order.
        api: shop
        path: /orders/{id}
        parameters:
          - {name: id, description: Number of the order.}
`, upstream.URL))
	cmd := exec.Command(binary, "serve", "--config", file)
	cmd.Dir = t.TempDir()
	return launch(t, cmd, env...), file
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// orders answers with the status that an order's number is.
func orders(w http.ResponseWriter, r *http.Request) {
	status, err := strconv.Atoi(r.URL.Path[len("/orders/"):])
	if err != nil {
		status = http.StatusTeapot
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, `{"state":"packed"}`)
}

// everything makes requests of every kind, each of which some panel shows.
func everything(t *testing.T, s *server) {
	t.Helper()
	on := s.open(t, "/sse")
	endpoint := on.endpoint(t)
	s.ask(t, on, endpoint, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`)
	for i, params := range []string{
		`{"name":"get_order","arguments":{"id":"200"}}`,
		`{"name":"get_order","arguments":{"id":"404"}}`,
		`{"name":"get_order","arguments":{"id":"401"}}`,
		`{"name":"get_order","arguments":{"id":"503"}}`,
		`{"name":"uppercase_text","arguments":{"text":"a"}}`,
		`{"name":"uppercase_text","arguments":{}}`,
		`{"name":"made_up","arguments":{}}`,
	} {
		s.ask(t, on, endpoint, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":%s}`, i+2, params))
	}
	s.post(t, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"made/up"}`)
	begun := s.do(t, http.MethodPost, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`,
		"Content-Type", "application/json", "Accept", "application/json, text/event-stream")
	if ended := s.do(t, http.MethodDelete, "/mcp", "", "Mcp-Session-Id", begun.header.Get("Mcp-Session-Id")); ended.status >= http.StatusBadRequest {
		t.Fatalf("ending a session: %d %s", ended.status, ended.body)
	}
	if refused := s.do(t, http.MethodGet, "/api/tools", "", "Origin", "https://evil.example"); refused.status != http.StatusForbidden {
		t.Fatalf("a request of a page elsewhere: %d, want 403", refused.status)
	}
}

// prometheus is the real one, which fetches the metrics of a server each second.
type prometheus struct {
	url     string
	scraped chan struct{} // one for each time it fetched them
}

func startPrometheus(t *testing.T, s *server) *prometheus {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	p := &prometheus{scraped: make(chan struct{}, 1000)}
	proxy := httputil.NewSingleHostReverseProxy(target) // which tells of each fetch
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = target.Host
		p.scraped <- struct{}{}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(between.Close)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "prometheus.yaml"), fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs: [{job_name: toolgate, static_configs: [{targets: [%q]}]}]
`, strings.TrimPrefix(between.URL, "http://")))
	cmd := exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0")
	log := &watched{found: make(chan string, 1), what: regexp.MustCompile(`msg="Listening on" address=(\S+)`)}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting prometheus: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("prometheus ended with %v", err)
		}
	})
	select {
	case address := <-log.found:
		p.url = "http://" + address
	case <-time.After(patience):
		t.Fatalf("prometheus did not listen within %v", patience)
	}
	return p
}

// watched is output in which a text is waited for.
type watched struct {
	text  strings.Builder // written by one goroutine
	what  *regexp.Regexp
	found chan string
	told  bool
}

func (w *watched) Write(b []byte) (int, error) {
	w.text.Write(b)
	if m := w.what.FindStringSubmatch(w.text.String()); m != nil && !w.told {
		w.told = true
		w.found <- m[1]
	}
	return len(b), nil
}

// scrapes waits until the metrics were fetched, and kept, n times more: it keeps those of one fetch before it begins another.
func (p *prometheus) scrapes(t *testing.T, n int) {
	t.Helper()
	for len(p.scraped) > 0 {
		<-p.scraped
	}
	for range n + 1 {
		select {
		case <-p.scraped:
		case <-time.After(patience):
			t.Fatalf("prometheus did not fetch the metrics within %v", patience)
		}
	}
}

// query is the value of each series of an expression, and whether any of them is a number.
func (p *prometheus) query(t *testing.T, expression string) (series int, number bool) {
	t.Helper()
	response, err := http.PostForm(p.url+"/api/v1/query", url.Values{"query": {expression}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got struct {
		Status, Error string
		Data          struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Status != "success" {
		t.Fatalf("%s: %s", expression, got.Error)
	}
	for _, r := range got.Data.Result {
		text, _ := r.Value[1].(string)
		if value, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(value) {
			number = true
		}
	}
	return len(got.Data.Result), number
}

// panel is one of a dashboard's.
type panel struct {
	Title   string
	Type    string
	Targets []struct{ Expr string }
	Panels  []panel
}

// shown is each query of the dashboard by what shows it, as Grafana asks it with everything chosen.
func shown(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(grafana, "toolgate.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels     []panel
		Templating struct {
			List []struct{ Name, Type string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatalf("the dashboard: %v", err)
	}
	if len(dashboard.Templating.List) == 0 || dashboard.Templating.List[0].Type != "datasource" {
		t.Errorf("the dashboard's variables are %+v, want the data source among them", dashboard.Templating.List)
	}
	chosen := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*", "$tool", ".*")
	queries := map[string]string{}
	var add func(panels []panel)
	add = func(panels []panel) {
		for _, p := range panels {
			add(p.Panels)
			if p.Type != "row" && len(p.Targets) == 0 {
				t.Errorf("the panel %q asks for nothing", p.Title)
			}
			for i, target := range p.Targets {
				queries[fmt.Sprintf("panel %q, query %d", p.Title, i+1)] = chosen.Replace(target.Expr)
			}
		}
	}
	add(dashboard.Panels)
	return queries
}

// threshold is the end of a rule's expression: what makes it one that is broken.
var threshold = regexp.MustCompile(`\s(<|>)\s[0-9.]+\s*$`)

// alerts is the expression of each alert, without its threshold.
func alerts(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(grafana, "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	expressions := map[string]string{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if !threshold.MatchString(rule.Expr) {
				t.Errorf("the expression of %s does not end with a threshold: %s", rule.Alert, rule.Expr)
			}
			expressions["rule "+rule.Alert] = threshold.ReplaceAllString(rule.Expr, "")
		}
	}
	return expressions
}

// TestDashboardAndRulesFindTheirMetrics: every query finds something in what the real Prometheus fetched of the real
// server.
func TestDashboardAndRulesFindTheirMetrics(t *testing.T) {
	s, file := observed(t, http.HandlerFunc(orders))
	everything(t, s)
	p := startPrometheus(t, s)
	p.scrapes(t, 1)
	everything(t, s)
	writeFile(t, file, "tools: {toolsets: [made_up]}\n")
	s.logs(t, "made_up")
	p.scrapes(t, 2)
	metrics := s.get(t, "/metrics").body
	for _, want := range []string{
		`toolgate_http_refused_total{reason="origin_not_allowed"} 2`, `toolgate_config_reloads_total{outcome="refused"} 1`,
		`toolgate_upstream_request_duration_seconds_count{outcome="404",upstream="shop"} 2`, "toolgate_calls_running 0",
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics have no %s", want)
		}
	}
	// What is not provoked here, and why: alerts_test.yaml shows that these rules find what they are made for.
	rare := map[string]string{
		"rule ToolgateErrorsOfItsOwn": "there is no fault of Toolgate's own to be had by asking",
		"rule ToolgateClientsTooSlow": "a client that does not read has to be sent more than the system keeps for it",
	}
	queries := shown(t)
	for name, expression := range alerts(t) {
		queries[name] = expression
	}
	for name, expression := range queries {
		series, number := p.query(t, expression)
		switch _, expected := rare[name]; {
		case expected && series > 0:
			t.Errorf("%s finds something: it is not rare, take it out of the list", name)
		case !expected && !number:
			t.Errorf("%s finds %d series, none with a number: %s", name, series, expression)
		}
	}
	if len(queries) < 40 {
		t.Errorf("%d queries were tried, want those of the dashboard and of the rules", len(queries))
	}
	if t.Failed() {
		t.Logf("metrics:\n%s", metrics)
	}
}

// TestRulesAlert: each rule tells of what it is made for, and is silent otherwise, as Prometheus's own tool finds.
func TestRulesAlert(t *testing.T) {
	mustRun(t, grafana, nil, "promtool", "check", "rules", "alerts.yaml")
	mustRun(t, grafana, nil, "promtool", "test", "rules", "alerts_test.yaml")
	mustRun(t, grafana, nil, "promtool", "check", "config", "--syntax-only", "prometheus.yaml")
	tests, err := os.ReadFile(filepath.Join(grafana, "alerts_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range alerts(t) {
		if alert := strings.TrimPrefix(name, "rule "); !strings.Contains(string(tests), `alertname="`+alert+`"`) {
			t.Errorf("alerts_test.yaml has no test of %s", alert)
		}
	}
}
