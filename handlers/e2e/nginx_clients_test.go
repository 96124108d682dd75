package e2e

import "testing"

// TestNginxServesEveryClient runs every real client over HTTPS, through nginx, as its users would.
func TestNginxServesEveryClient(t *testing.T) {
	f := behindNginx(t, frontOptions{backs: 2})
	out, err := run(t, ".", nil, "./clients/run.sh", f.url, "--pin", "--ca", f.ca)
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the client matrix through nginx: %v", err)
	}
}

// TestNginxServesUnderAPrefix runs a client of each family where the public URL has a path that Toolgate knows nothing of,
// and where it is Toolgate's own.
func TestNginxServesUnderAPrefix(t *testing.T) {
	for name, env := range map[string][]string{
		"stripped":  nil,
		"passed on": {"TOOLGATE_SERVER_BASE_PATH=/team/tools"},
		"replaced":  {"TOOLGATE_SERVER_BASE_PATH=/inside"},
	} {
		t.Run(name, func(t *testing.T) {
			f := behindNginx(t, frontOptions{env: env, path: "/team/tools", backs: 2})
			out, err := run(t, ".", nil, "./clients/run.sh", f.url+"/team/tools", "--ca", f.ca,
				"--only", "^(curl|go-sdk-1.8|ts-sdk-1.32|ts-sdk-2.4|python-sdk-like) ")
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if got := f.do(t, f.http2, "GET", "/team/tools/health", ""); got.status != 200 {
				t.Errorf("GET /team/tools/health: got %d %s, want 200", got.status, got.body)
			}
			for _, outside := range []string{"/mcp", "/health", "/"} {
				if got := f.do(t, f.http2, "GET", outside, ""); got.status != 404 {
					t.Errorf("GET %s, which is not under the prefix: got %d %s, want 404", outside, got.status, got.body)
				}
			}
		})
	}
}
