package config

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBytes(t *testing.T) {
	for _, test := range []struct {
		text string
		want Bytes
		back string // what String writes
	}{
		{"0", 0, "0B"},
		{"1500", 1500, "1500B"},
		{"1500B", 1500, "1500B"},
		{"1024", KiB, "1KiB"},
		{"4MiB", 4 * MiB, "4MiB"},
		{"4 mib", 4 * MiB, "4MiB"},
		{"1536KiB", 1536 * KiB, "1536KiB"},
		{"2GIB", 2 * GiB, "2GiB"},
		{"-1KiB", -KiB, "-1KiB"},
	} {
		var got Bytes
		if err := got.UnmarshalText([]byte(test.text)); err != nil || got != test.want {
			t.Errorf("%q read as %d, error %v; want %d", test.text, int64(got), err, int64(test.want))
		}
		if got.String() != test.back {
			t.Errorf("%q written back as %q, want %q", test.text, got, test.back)
		}
	}
	for _, text := range []string{"", "MiB", "4MB", "4M", "1.5MiB", "4MiB4", "0x10", "9223372036854775807KiB", "9223372036854775808"} {
		got := 7 * Byte
		if err := got.UnmarshalText([]byte(text)); err == nil || got != 7 {
			t.Errorf("%q read as %d, error %v; want an error and no change", text, int64(got), err)
		}
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]Rate{"": "", "off": RateOff, "OFF": RateOff, "600-M": "600-M", "1-s": "1-S", "007-H": "7-H", "9-D": "9-D"} {
		var got Rate
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q read as %q, error %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"0-M", "-1-M", "600", "600-", "600-W", "-M", "1.5-M", "6 0-M", "none"} {
		got := RateOff
		if err := got.UnmarshalText([]byte(text)); err == nil || got != RateOff {
			t.Errorf("%q read as %q, error %v; want an error and no change", text, got, err)
		}
	}
	if !RateOff.Off() || !Rate("").Off() || Rate("1-S").Off() {
		t.Error("only off and the empty rate limit nothing")
	}
}

func TestEffectiveRates(t *testing.T) {
	local := Rates{Address: "10000-M", Principal: RateOff, Tool: RateOff, Handshake: RateOff, Session: RateOff, All: RateOff, AuthFailures: "10-M"}
	open := Rates{Address: "600-M", Principal: "1200-M", Tool: "600-M", Handshake: "120-M", Session: RateOff, All: RateOff, AuthFailures: "10-M"}
	for _, test := range []struct {
		name  string
		host  string
		mode  string
		rates Rates
		want  Rates
	}{
		{"loopback without auth", "localhost", AuthNone, Rates{}, local},
		{"loopback with keys", "localhost", AuthKeys, Rates{}, open},
		{"open without auth", "0.0.0.0", AuthNone, Rates{}, open},
		{
			"what is written holds", "0.0.0.0", AuthNone,
			Rates{Address: RateOff, Tool: "1-S", AuthFailures: "3-H"},
			Rates{Address: RateOff, Principal: "1200-M", Tool: "1-S", Handshake: "120-M", Session: RateOff, All: RateOff, AuthFailures: "3-H"},
		},
	} {
		cfg := Default()
		cfg.Server.Host, cfg.Auth.Mode, cfg.Limits.Rates = test.host, []string{test.mode}, test.rates
		if diff := cmp.Diff(test.want, cfg.EffectiveRates()); diff != "" {
			t.Errorf("%s: rates (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestListen(t *testing.T) {
	for _, test := range []struct {
		host     string
		port     int
		want     []string
		loopback bool
	}{
		{"localhost", 3002, []string{"127.0.0.1:3002", "[::1]:3002"}, true},
		{"LocalHost", 3002, []string{"127.0.0.1:3002", "[::1]:3002"}, true},
		{"localhost", 0, []string{"127.0.0.1:0"}, true},
		{"127.0.0.2", 80, []string{"127.0.0.2:80"}, true},
		{"::1", 80, []string{"[::1]:80"}, true},
		{"::ffff:127.0.0.1", 80, []string{"[::ffff:127.0.0.1]:80"}, true},
		{"0.0.0.0", 80, []string{"0.0.0.0:80"}, false},
		{"::", 80, []string{"[::]:80"}, false},
		{"192.0.2.1", 80, []string{"192.0.2.1:80"}, false},
		{"localhost.example.com", 80, []string{"localhost.example.com:80"}, false},
	} {
		cfg := Default()
		cfg.Server.Host, cfg.Server.Port = test.host, test.port
		if got := cfg.Listen(); !slices.Equal(got, test.want) {
			t.Errorf("%s port %d listens on %q, want %q", test.host, test.port, got, test.want)
		}
		if got := cfg.Loopback(); got != test.loopback {
			t.Errorf("%s is loopback: %t, want %t", test.host, got, test.loopback)
		}
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 10 * time.Second: "10s", 10 * time.Minute: "10m", 90 * time.Second: "1m30s", 20 * time.Hour: "20h",
		time.Hour + 30*time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s",
	} {
		got := durationText(d)
		if got != want {
			t.Errorf("%v written as %q, want %q", d, got, want)
		}
		if back, err := time.ParseDuration(got); err != nil || back != d {
			t.Errorf("%q reads back as %v, error %v; want %v", got, back, err, d)
		}
	}
}
