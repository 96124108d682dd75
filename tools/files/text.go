package files

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

const (
	sniffed     = 8 << 10 // bytes at the beginning that tell what a file is
	oddControls = 50      // a text has at most one control character in so many bytes
)

// decodeText makes UTF-8 of a text in whatever encoding it is written; false where it is no text. A byte order mark decides
// first, then UTF-8, then zeros where UTF-16 has them; the rest is taken for Windows-1252, which holds Latin-1.
func decodeText(data []byte) (string, bool) {
	head := data[:min(len(data), sniffed)]
	enc := byMark(data)
	switch {
	case enc != nil:
	case bytes.IndexByte(head, 0) < 0 && utf8.Valid(data):
		return string(data), hasFewControls(head)
	case bytes.IndexByte(head, 0) >= 0:
		if enc = byZeros(head); enc == nil {
			return "", false
		}
	case !hasFewControls(head):
		return "", false
	default:
		enc = charmap.Windows1252
	}
	text, err := enc.NewDecoder().Bytes(data)
	if err != nil || !hasFewControls(text[:min(len(text), sniffed)]) {
		return "", false
	}
	return string(bytes.ToValidUTF8(text, []byte("\uFFFD"))), true
}

func byMark(data []byte) encoding.Encoding {
	switch {
	case bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")):
		return unicode.UTF8BOM
	case bytes.HasPrefix(data, []byte("\xFF\xFE\x00\x00")):
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case bytes.HasPrefix(data, []byte("\x00\x00\xFE\xFF")):
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case bytes.HasPrefix(data, []byte("\xFF\xFE")), bytes.HasPrefix(data, []byte("\xFE\xFF")):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	}
	return nil
}

// byZeros knows UTF-16 of Western text: most of every second byte is zero, and none of the others.
func byZeros(head []byte) encoding.Encoding {
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	mostly := len(head) * 2 / 5 // of at most half
	switch {
	case zeros[0] == 0 && zeros[1] > mostly:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case zeros[1] == 0 && zeros[0] > mostly:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

// hasFewControls tells text, with the odd escape sequence in it, from anything else.
func hasFewControls(head []byte) bool {
	controls := 0
	for _, b := range head {
		switch {
		case b == 0:
			return false
		case b < ' ' && b != '\t' && b != '\n' && b != '\r' && b != '\f':
			controls++
		}
	}
	return controls <= 1+len(head)/oddControls
}
