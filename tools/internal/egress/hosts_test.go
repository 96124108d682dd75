package egress

import "testing"

func TestHostsMatchAsTheyAreNamed(t *testing.T) {
	for _, test := range []struct {
		entry, name, port string
		want              bool
	}{
		{"jira.corp", "jira.corp", "443", true},
		{"Jira.Corp", "jira.CORP", "443", true},
		{"jira.corp.", "jira.corp", "443", true},
		{"jira.corp", "jira.corp.", "443", true},
		{"jira.corp", "jira.corp.evil.example", "443", false},
		{"jira.corp", "evil-jira.corp", "443", false},
		{"jira.corp:8443", "jira.corp", "8443", true},
		{"jira.corp:8443", "jira.corp", "443", false},
		{"127.0.0.1", "127.0.0.1", "80", true},
		{"127.0.0.1", "::ffff:127.0.0.1", "80", false},
		{"::1", "::1", "80", true},
		{"[::1]", "0:0:0:0:0:0:0:1", "80", true},
		{"[::1]:8080", "::1", "8080", true},
		{"[::1]:8080", "::1", "80", false},
		{"*.example.com", "a.example.com", "443", true},
		{"*.example.com", "a.b.example.com", "443", true},
		{"*.example.com", "example.com", "443", false},
		{"*.example.com", "badexample.com", "443", false},
		{"*.example.com:444", "a.example.com", "443", false},
	} {
		all, err := parseHosts([]string{test.entry}, true)
		if err != nil {
			t.Errorf("parseHosts(%q): %v", test.entry, err)
			continue
		}
		if got := all.match(test.name, test.port); got != test.want {
			t.Errorf("%q matches %s port %s = %t, want %t", test.entry, test.name, test.port, got, test.want)
		}
	}
}

func TestHostsThatCannotBeMeant(t *testing.T) {
	for _, entry := range []string{"", "*", "*.", "a.*.b", "http://jira.corp", "jira.corp/x", "a@b", "jira.corp:", "jira.corp:0", "jira.corp:99999", "jira corp"} {
		if all, err := parseHosts([]string{entry}, true); err == nil {
			t.Errorf("parseHosts(%q) = %v, want an error", entry, all)
		}
	}
	if all, err := parseHosts([]string{"*.corp"}, false); err == nil {
		t.Errorf("parseHosts(*.corp) without trees = %v, want an error", all)
	}
}

func TestNamesThatEndInANumber(t *testing.T) {
	for name, want := range map[string]bool{
		"2130706433": true, "0x7f000001": true, "0x": true, "127.1": true, "0177.0.0.1": true, "127.0.0.0x1": true, "a.1": true,
		"127.0.0.1.": true, "127.0.0.1": false, "::1": false, "jira1": false, "1password.com": false, "0xjira": false, "": false,
	} {
		if got := numeric(name); got != want {
			t.Errorf("numeric(%q) = %t, want %t", name, got, want)
		}
	}
}
