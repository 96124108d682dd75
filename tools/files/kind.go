package files

import (
	"path"
	"strings"
)

// form is how a file's text is got.
type form int

const (
	formText   form = iota // as it is
	formHTML               // made into Markdown
	formDOCX               // made into Markdown
	formPDF                // taken out by the helper
	formBinary             // not at all
)

const (
	typePlain    = "text/plain"
	typeMarkdown = "text/markdown"
	typeBinary   = "application/octet-stream"
)

// kind is what a file is, by its name.
type kind struct {
	mime    string
	form    form
	noun    string // what people call it, where it has no text
	offered bool   // where a root does not say what it includes
}

// textMIME is the type of the file's text, as callers get it.
func (k kind) textMIME() string {
	switch k.form {
	case formHTML, formDOCX:
		return typeMarkdown
	case formPDF:
		return typePlain
	}
	return k.mime
}

func (k kind) isPicture() bool { return k.form == formBinary && strings.HasPrefix(k.mime, "image/") }

// kindOf tells what a file is. A name that tells nothing is that of a text, until its contents say otherwise.
func kindOf(name string) kind {
	base := strings.ToLower(path.Base(name))
	ext := strings.TrimPrefix(path.Ext(base), ".")
	switch ext {
	case "md", "markdown", "mdown", "mdx":
		return kind{typeMarkdown, formText, "", true}
	case "html", "htm", "xhtml":
		return kind{"text/html", formHTML, "", true}
	case "docx":
		return kind{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", formDOCX, "", true}
	case "pdf":
		return kind{"application/pdf", formPDF, "", true}
	case "json", "jsonl", "ndjson", "geojson", "ipynb":
		return kind{"application/json", formText, "", true}
	case "yaml", "yml":
		return kind{"application/yaml", formText, "", true}
	case "xml", "xsd", "xsl", "xslt", "wsdl", "rss", "atom":
		return kind{"application/xml", formText, "", true}
	case "csv":
		return kind{"text/csv", formText, "", true}
	case "tsv":
		return kind{"text/tab-separated-values", formText, "", true}
	case "css":
		return kind{"text/css", formText, "", true}
	case "js", "mjs", "cjs":
		return kind{"text/javascript", formText, "", true}
	case "toml":
		return kind{"application/toml", formText, "", true}
	case "ics":
		return kind{"text/calendar", formText, "", true}
	}
	if isTextExtension(ext) || isTextName(base) {
		return kind{typePlain, formText, "", true}
	}
	if k, found := binaryKind(ext); found {
		return k
	}
	return kind{typePlain, formText, "", false}
}

func isTextExtension(ext string) bool {
	switch ext {
	case "txt", "text", "log", "rst", "adoc", "asciidoc", "org", "tex", "bib", "textile", "wiki", "srt", "vtt", "eml",
		"ini", "cfg", "conf", "config", "properties", "editorconfig", "service", "diff", "patch", "po", "pot",
		"go", "py", "pyi", "rb", "php", "pl", "pm", "lua", "r", "jl", "java", "kt", "kts", "scala", "groovy", "gradle", "clj",
		"c", "h", "cc", "cpp", "cxx", "hh", "hpp", "cs", "fs", "vb", "m", "mm", "swift", "rs", "zig", "d", "nim", "dart",
		"hs", "ml", "mli", "ex", "exs", "erl", "elm", "lisp", "el", "scm", "ts", "tsx", "jsx", "vue", "svelte", "scss", "sass", "less",
		"sh", "bash", "zsh", "fish", "ps1", "psm1", "bat", "cmd", "awk", "sed", "vim",
		"sql", "graphql", "gql", "proto", "thrift", "avsc", "tf", "hcl", "cue", "rego", "nix", "cmake", "mk", "dockerfile",
		"tmpl", "tpl", "j2", "mustache", "hbs", "puml", "mmd", "dot", "feature", "http":
		return true
	}
	return false
}

// isTextName knows the files that are called something and have no extension.
func isTextName(base string) bool {
	switch base {
	case "readme", "license", "licence", "copying", "notice", "authors", "contributors", "maintainers", "changelog", "changes",
		"news", "todo", "install", "faq", "makefile", "dockerfile", "containerfile", "jenkinsfile", "vagrantfile", "procfile",
		"gemfile", "rakefile", "codeowners", "version":
		return true
	}
	return false
}

func binaryKind(ext string) (kind, bool) {
	for _, b := range []struct{ extensions, mime, noun string }{
		{"png", "image/png", "an image"},
		{"jpg jpeg jpe", "image/jpeg", "an image"},
		{"gif", "image/gif", "an image"},
		{"webp", "image/webp", "an image"},
		{"svg", "image/svg+xml", "an image"},
		{"avif", "image/avif", "an image"},
		{"heic heif", "image/heic", "an image"},
		{"bmp", "image/bmp", "an image"},
		{"ico", "image/vnd.microsoft.icon", "an image"},
		{"tif tiff", "image/tiff", "an image"},
		{"psd", "image/vnd.adobe.photoshop", "an image"},
		{"mp3", "audio/mpeg", "a sound"},
		{"wav", "audio/wav", "a sound"},
		{"ogg oga opus", "audio/ogg", "a sound"},
		{"flac", "audio/flac", "a sound"},
		{"m4a aac", "audio/mp4", "a sound"},
		{"mp4 m4v", "video/mp4", "a video"},
		{"mov", "video/quicktime", "a video"},
		{"mkv", "video/x-matroska", "a video"},
		{"webm", "video/webm", "a video"},
		{"avi", "video/x-msvideo", "a video"},
		{"zip", "application/zip", "an archive"},
		{"gz tgz", "application/gzip", "an archive"},
		{"tar", "application/x-tar", "an archive"},
		{"7z", "application/x-7z-compressed", "an archive"},
		{"rar", "application/vnd.rar", "an archive"},
		{"xz", "application/x-xz", "an archive"},
		{"bz2", "application/x-bzip2", "an archive"},
		{"zst", "application/zstd", "an archive"},
		{"jar war", "application/java-archive", "an archive"},
		{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "a spreadsheet"},
		{"xls", "application/vnd.ms-excel", "a spreadsheet"},
		{"ods", "application/vnd.oasis.opendocument.spreadsheet", "a spreadsheet"},
		{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", "a presentation"},
		{"ppt", "application/vnd.ms-powerpoint", "a presentation"},
		{"odp", "application/vnd.oasis.opendocument.presentation", "a presentation"},
		{"doc", "application/msword", "a document of an old Word"},
		{"odt", "application/vnd.oasis.opendocument.text", "an OpenDocument text"},
		{"rtf", "application/rtf", "a rich text"},
		{"epub", "application/epub+zip", "a book"},
		{"ttf otf woff woff2", "font/sfnt", "a font"},
		{"exe dll so dylib a o class pyc wasm bin dat", typeBinary, "a binary file"},
		{"db sqlite sqlite3 mdb parquet", typeBinary, "a database"},
	} {
		for known := range strings.FieldsSeq(b.extensions) {
			if known == ext {
				return kind{b.mime, formBinary, b.noun, false}, true
			}
		}
	}
	return kind{}, false
}
