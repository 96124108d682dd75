package sqltool

import (
	"strings"
	"testing"
	"time"
)

func TestCompletionsAskOnceInAWhile(t *testing.T) {
	w := sqliteWorld(t)
	w.exec(t, "CREATE TABLE goods (id INTEGER)")
	p := w.pack(t, "", "")
	s := server(t, p)
	complete := func() string {
		t.Helper()
		return ask(t, s, "completion/complete", `{"ref":{"type":"ref/resource","uri":"sql://{database}/{table}"},"argument":{"name":"table","value":"go"}}`)
	}
	if got, want := complete(), `["goods"]`; !strings.Contains(got, want) {
		t.Errorf("completion = %s, want %s", got, want)
	}
	w.exec(t, "CREATE TABLE gold (id INTEGER)")
	names := &p.databases["db"].names
	names.until = time.Now().Add(time.Hour)
	if got, want := complete(), `["goods"]`; !strings.Contains(got, want) {
		t.Errorf("completion in that while = %s, want %s, without asking", got, want)
	}
	names.until = time.Now().Add(-1)
	if got, want := complete(), `["gold","goods"]`; !strings.Contains(got, want) {
		t.Errorf("completion after it = %s, want %s", got, want)
	}
	if left := time.Until(names.until); left <= 0 || left > namesKept {
		t.Errorf("the names are kept for another %s, want up to %s", left, namesKept)
	}
}
