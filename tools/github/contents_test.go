package github

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

const largeBlob = "repos/acme/anvil/git/blobs/3333333333333333333333333333333333333333"

func TestLargeFilesAreReadAsBlobs(t *testing.T) {
	h := newHub(t)
	h.answer(largeBlob, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept"); !strings.Contains(got, "raw") {
			t.Errorf("Accept is %q, want raw", got)
		}
		io.WriteString(w, strings.Repeat("0123456789\n", 150_000))
	})
	var got getContentsResult
	call(t, h.pack(nil), "get_file_contents", `{"path":"large.txt","startLine":149999}`).into(t, &got)
	if *got.TotalLines != 150_000 || got.StartLine != 149_999 || got.EndLine != 150_000 || *got.Text != "0123456789\n0123456789\n" || got.Note != "" {
		t.Errorf("got lines %d to %d of %d, %q, note %q; want the last two", got.StartLine, got.EndLine, *got.TotalLines, *got.Text, got.Note)
	}
	call(t, h.pack(nil), "get_file_contents", `{"path":"large.txt"}`).into(t, &got)
	if got.EndLine != defaultSpan || got.Note != "go on with startLine 1001" {
		t.Errorf("shown to line %d, note %q; want to %d, and how to go on", got.EndLine, got.Note, defaultSpan)
	}
	call(t, h.pack(nil), "get_file_contents", `{"path":"large.txt","startLine":1,"endLine":100000}`).into(t, &got)
	if len(*got.Text) > maxShown || got.Note != fmt.Sprintf("go on with startLine %d", got.EndLine+1) {
		t.Errorf("%d bytes shown, note %q; want at most %d, and how to go on", len(*got.Text), got.Note, maxShown)
	}
}

func TestFilesThatCannotBeShown(t *testing.T) {
	for _, test := range []struct {
		name, path string
		answer     http.HandlerFunc
		want       string
	}{
		{
			"beyond what is read", "huge.txt", refusing(200, `{"type":"file","path":"huge.txt","size":99000000,"encoding":"none","content":"","sha":"3333333333333333333333333333333333333333"}`),
			"has 99000000 bytes: no file beyond 10485760 is read",
		},
		{"beyond what an answer may have", "lying.txt", func(w http.ResponseWriter, _ *http.Request) { send(w, make([]byte, maxAnswer+1)) }, "is too large to be read"},
		{"a size beyond GitHub's own", "git.bin", refusing(403, `{"message":"This API returns blobs up to 100 MB in size.","errors":[{"resource":"Blob","field":"data","code":"too_large"}]}`), "up to 100 MB"},
		{"content that is none", "odd.txt", refusing(200, `{"type":"file","path":"odd.txt","size":3,"encoding":"base64","content":"!!!"}`), "GitHub's answer is not what its API gives"},
		{"a blob of no name", "odd.txt", refusing(200, `{"type":"file","path":"odd.txt","size":3,"encoding":"none","content":"","sha":"../../x"}`), "GitHub's answer is not what its API gives"},
	} {
		h := newHub(t)
		h.answer("repos/acme/anvil/contents/"+test.path, test.answer)
		got := call(t, h.pack(nil), "get_file_contents", `{"path":"`+test.path+`"}`)
		if !got.IsError || !strings.Contains(got.text(), test.want) {
			t.Errorf("%s: %q (isError %v), want an error with %q", test.name, got.text(), got.IsError, test.want)
		}
	}
}

func TestPointersToLargeFileStorageAreSaid(t *testing.T) {
	var got getContentsResult
	call(t, newHub(t).pack(nil), "get_file_contents", `{"path":"model.bin"}`).into(t, &got)
	if !strings.Contains(got.Note, "Git LFS") || !strings.Contains(*got.Text, "size 12345") {
		t.Errorf("note %q, text %q; want that it is a pointer", got.Note, *got.Text)
	}
}

func TestFoldersThatAreNotWholeAreSaid(t *testing.T) {
	h := newHub(t)
	h.answer("repos/acme/anvil/contents/many", refusing(200, "["+strings.Repeat(`{"type":"file","name":"x","size":1},`, fullFolder-1)+`{"type":"file","name":"y","size":1}]`))
	var got getContentsResult
	call(t, h.pack(nil), "get_file_contents", `{"path":"many"}`).into(t, &got)
	if len(got.Entries) != fullFolder || !strings.Contains(got.Note, "no more than 1000 entries") {
		t.Errorf("%d entries, note %q; want %d, and that there may be others", len(got.Entries), got.Note, fullFolder)
	}
}

func TestDiffs(t *testing.T) {
	long := "diff --git a/x b/x\n" + strings.Repeat("+a line of a long diff\n", 5000)
	for _, test := range []struct {
		name, arguments string
		diff            http.HandlerFunc
		want            string // in the diff
		note            string
	}{
		{"one file", `"diffPath":"/anvil.go"`, refusing(200, string(saved(t, "pull.diff"))), "hardness = 9\n", ""},
		{"a file by its old name", `"diffPath":"docs/iron.md"`, refusing(200, string(saved(t, "pull.diff"))), "diff --git a/docs/iron.md b/docs/steel.md\n", ""},
		{"a file that it does not change", `"diffPath":"go.mod"`, refusing(200, string(saved(t, "pull.diff"))), "", "does not change go.mod"},
		{"cut at a line's end", `"include":["diff"]`, refusing(200, long), "+a line of a long diff\n", "bytes are missing; diffPath gives one file's"},
		{"too large for GitHub", `"include":["diff"]`, refusing(406, `{"message":"Sorry, the diff exceeded the maximum number of lines (20000)"}`), "", "too large to be had"},
		{"too large for us", `"include":["diff"]`, func(w http.ResponseWriter, _ *http.Request) { send(w, make([]byte, maxAnswer+1)) }, "", "too large to be had"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t)
			h.answer("repos/acme/anvil/pulls/42", func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.Header.Get("Accept"), "diff") {
					test.diff(w, r)
					return
				}
				h.reply(w, r, saved(t, "pull.json"), "")
			})
			var got pullDetail
			call(t, h.pack(nil), "get_pull_request", `{"pullNumber":42,`+test.arguments+`}`).into(t, &got)
			notes := strings.Join(got.Notes, "\n")
			if !strings.Contains(got.Diff, test.want) || test.want == "" && got.Diff != "" || !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
				t.Errorf("diff %.100q, notes %q; want %q in the one, %q in the other", got.Diff, notes, test.want, test.note)
			}
			if got.Diff != "" && !strings.HasSuffix(got.Diff, "\n") || len(got.Diff) > maxDiff {
				t.Errorf("the diff has %d bytes and ends in %q, want at most %d and a line's end", len(got.Diff), got.Diff[len(got.Diff)-5:], maxDiff)
			}
			if test.name == "cut at a line's end" && got.DiffMissing != len(long)-len(got.Diff) {
				t.Errorf("diffMissing = %d, want %d", got.DiffMissing, len(long)-len(got.Diff))
			}
		})
	}
}

func TestOneFilesDiffIsNoOthers(t *testing.T) {
	diff := string(saved(t, "pull.diff"))
	got := ofFile(diff, "anvil.go")
	if !strings.HasPrefix(got, "diff --git a/anvil.go ") || strings.Contains(got, "steel") || got+ofFile(diff, "docs/steel.md") != diff {
		t.Errorf("ofFile(anvil.go) = %q, want the first part of the diff alone", got)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a\nb\nc", 2, 2, 100)
	f.Add("", 0, 0, 10)
	f.Add("\n\n", 1, 5, 1)
	f.Add("äöü€\nx", 1, 0, 4)
	f.Fuzz(func(t *testing.T, text string, start, end, limit int) {
		start, end, limit = max(start%50, 0), max(end%50, 0), max(limit%200, 4)
		got, err := lines(text, start, end, limit)
		all := strings.SplitAfter(text, "\n")
		if all[len(all)-1] == "" {
			all = all[:len(all)-1]
		}
		if got.Total != len(all) {
			t.Fatalf("lines(%q) counts %d lines, want %d", text, got.Total, len(all))
		}
		start = max(start, 1)
		if bad := end != 0 && end < start || start > max(len(all), 1); bad != (err != nil) {
			t.Fatalf("lines(%q, %d, %d): error %v, want one: %v", text, start, end, err, bad)
		}
		if err != nil || len(all) == 0 {
			return
		}
		if len(got.Text) > limit || got.Start != start || got.End < start || got.End > len(all) || end != 0 && got.End > end {
			t.Fatalf("lines(%q, %d, %d, %d) = %+v: beyond its bounds", text, start, end, limit, got)
		}
		want := strings.Join(all[start-1:got.End], "")
		if got.Cut {
			if !strings.HasPrefix(want, got.Text) || got.Start != got.End || utf8.ValidString(text) && !utf8.ValidString(got.Text) {
				t.Errorf("lines(%q, %d, %d, %d) = %+v, want the beginning of %q", text, start, end, limit, got, want)
			}
		} else if got.Text != want {
			t.Errorf("lines(%q, %d, %d, %d) = %q, want %q", text, start, end, limit, got.Text, want)
		}
	})
}
