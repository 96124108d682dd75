package mcp

import "fmt"

// What a revision does not know is taken out here, or put into words it knows (protocol: project outgoing objects).

func projectInfo(i Implementation, rev *Revision) Implementation {
	if !rev.Structured {
		i.Title = ""
	}
	if !rev.Icons {
		i.Description, i.WebsiteURL, i.Icons = "", "", nil
	}
	return i
}

func projectAnnotations(a *Annotations, rev *Revision) *Annotations {
	if a == nil || rev.Structured {
		return a
	}
	older := *a
	older.LastModified = ""
	return &older
}

// projectContent changes one block in place.
func projectContent(b *Content, rev *Revision) {
	if rev.Structured {
		return
	}
	b.Annotations, b.Meta = projectAnnotations(b.Annotations, rev), nil
	switch {
	case b.Type == "resource_link":
		*b = TextContent(fmt.Sprintf("%s: %s", b.Name, b.URI))
	case b.Type == "audio" && !rev.Annotations:
		*b = TextContent(fmt.Sprintf("[%s, %d bytes: this client's protocol revision has no audio]", b.MIMEType, len(b.Data)))
	}
}
