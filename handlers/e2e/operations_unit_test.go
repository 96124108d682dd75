package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// unitScript makes and starts a service with documents, a database and a record, and asks for a page of a PDF.
const unitScript = `set -eo pipefail
install -d -m 700 -o toolgate -g toolgate /var/lib/toolgate
install -d -m 755 /etc/toolgate
cat > /etc/toolgate/toolgate.yaml <<'YAML'
audit: {file: /var/log/toolgate/audit.jsonl}
mcp: {state_key_file: /etc/toolgate/state.key}
tools:
  files:
    roots: {papers: {path: DOCUMENTS, description: Papers.}}
YAML
head -c 32 /dev/urandom | base64 > /etc/toolgate/state.key
chmod 600 /etc/toolgate/state.key
bin/toolgate init systemd --user toolgate --binary "$PWD/bin/toolgate" --config /etc/toolgate/toolgate.yaml > /etc/systemd/system/toolgate.service
systemctl start toolgate
curl -fs --retry 10 --retry-connrefused --retry-delay 1 http://localhost:3002/readyz
grep -E '^(NoNewPrivs|Seccomp):' "/proc/$(cat "$ROOT/run/toolgate.pid")/status"
curl -s -H 'Content-Type: application/json' -d '{"root": "papers", "path": "paper.pdf"}' http://localhost:3002/api/tools/read_file
systemctl stop toolgate
`

// TestUnitLetsTheServerWork runs the server as its unit confines it: as somebody else, without capabilities, with the system
// calls, address families and memory that the unit leaves it. It still serves, reads what only root can, records calls, and
// reads PDF files, for which it starts a helper.
func TestUnitLetsTheServerWork(t *testing.T) {
	m := newMachine(t)
	documents := filepath.Join(m.root, "documents")
	if err := os.Mkdir(documents, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(documents, "paper.pdf"), smallPDF("Up to thirty days"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, m.work, nil, "bash", "-c", strings.ReplaceAll(m.here(unitScript), "DOCUMENTS", documents))
	if err != nil || !strings.Contains(out, "Up to thirty days") {
		t.Errorf("reading a PDF in the unit: got %s (%v), want its text\n%s", out, err, m.logs())
	}
	if !strings.Contains(out, "NoNewPrivs:\t1") || runtime.GOARCH == "amd64" && !strings.Contains(out, "Seccomp:\t2") {
		t.Errorf("the server ran unconfined: %s", out)
	}
	record, err := os.ReadFile(m.root + "/var/log/toolgate/audit.jsonl")
	if err != nil || !bytes.Contains(record, []byte("read_file")) {
		t.Errorf("the record of calls: got %s (%v), want the call", record, err)
	}
	if !strings.Contains(m.logs(), `"stopped"`) {
		t.Errorf("the server did not stop by itself:\n%s", m.logs())
	}
}

// smallPDF is a PDF file of one line.
func smallPDF(line string) []byte {
	drawn := fmt.Sprintf("BT /F1 12 Tf 72 700 Td (%s) Tj ET", line)
	objects := []string{
		"<</Type /Catalog /Pages 2 0 R>>",
		"<</Type /Pages /Kids [3 0 R] /Count 1>>",
		"<</Type /Page /Parent 2 0 R /Contents 4 0 R /Resources <</Font <</F1 <</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>>>>>> >>",
		fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(drawn), drawn),
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	var table strings.Builder
	for i, object := range objects {
		fmt.Fprintf(&table, "%010d 00000 n \n", out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table.String(), len(objects)+1, start)
	return out.Bytes()
}
