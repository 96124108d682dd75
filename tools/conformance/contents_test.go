package conformance

import (
	"bytes"
	"encoding/binary"
	"image/png"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shape is what a client sees of a block before it looks into it.
func shape(c block) string {
	switch c.Type {
	case "text":
		return "text " + c.Text
	case "resource":
		return "resource " + c.Resource.URI + " " + c.Resource.MIMEType + " " + c.Resource.Text
	}
	return c.Type + " " + c.MIMEType
}

func TestContents(t *testing.T) {
	v := visit(t, `{}`)
	tests := []struct {
		tool    string
		isError bool
		want    []string
	}{
		{"test_simple_text", false, []string{"text This is a simple text response for testing."}},
		{"test_image_content", false, []string{"image image/png"}},
		{"test_audio_content", false, []string{"audio audio/wav"}},
		{"test_embedded_resource", false, []string{"resource test://embedded-resource text/plain This is an embedded resource content."}},
		{"test_multiple_content_types", false, []string{
			"text A text, an image and a resource:", "image image/png",
			`resource test://mixed-content-resource application/json {"test":"data","value":123}`,
		}},
		{"test_error_handling", true, []string{"text this tool fails on purpose, for testing"}},
	}
	for _, tt := range tests {
		t.Run(tt.tool, func(t *testing.T) {
			r := v.call(tt.tool, `{}`, "")
			var got []string
			for _, one := range r.Content {
				got = append(got, shape(one))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || r.IsError != tt.isError {
				t.Errorf("isError = %v, want %v; content (-want +got):\n%s", r.IsError, tt.isError, diff)
			}
		})
	}
}

func TestMediaAreWhatTheyClaim(t *testing.T) {
	v := visit(t, `{}`)
	image := v.call("test_image_content", `{}`, "").Content[0].Data
	picture, err := png.Decode(bytes.NewReader(image))
	if err != nil || picture.Bounds().Dx() != 1 || picture.Bounds().Dy() != 1 {
		t.Errorf("the image, of %d bytes, is no picture of one pixel: %v", len(image), err)
	}
	sound := v.call("test_audio_content", `{}`, "").Content[0].Data
	if len(sound) < 44 || string(sound[:4]) != "RIFF" || string(sound[8:16]) != "WAVEfmt " || string(sound[36:40]) != "data" {
		t.Fatalf("the sound, of %d bytes, is no WAV: %q", len(sound), sound)
	}
	whole, samples := binary.LittleEndian.Uint32(sound[4:]), binary.LittleEndian.Uint32(sound[40:])
	if int(whole) != len(sound)-8 || int(samples) != len(sound)-44 {
		t.Errorf("the sound of %d bytes says that %d and %d follow", len(sound), whole, samples)
	}
}

func TestTheFirstToolNeedsNothing(t *testing.T) {
	v := visit(t, `{}`)
	first := v.ask("tools/list", ``).Tools[0].Name
	if r := v.call(first, `{}`, ""); r.Type != "complete" || r.IsError {
		t.Errorf("%s without arguments = %+v, want a result", first, r)
	}
}
