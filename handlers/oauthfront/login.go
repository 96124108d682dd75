package oauthfront

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed" // the pages
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"go.uber.org/zap"

	"toolgate/mcp"
)

const maxLoginBody = 32 << 10 // bytes; the sealed request is in it

//go:embed login.html
var loginHTML string

//go:embed sad.html
var sadHTML string

//go:embed style.css
var styleCSS string

// pages makes the templates. Their policy allows the one style that is in them, and nothing else; above all no script, and
// nobody may frame them. It says nothing of form-action: browsers hold that against every redirect that follows the form, and
// where a client's own page sends people on, to a scheme of an application above all, cannot be known here.
func (f *Front) pages() (err error) {
	style := template.CSS(styleCSS)
	values := template.FuncMap{"style": func() template.CSS { return style }}
	if f.login, err = template.New("login").Funcs(values).Parse(loginHTML); err != nil {
		return fmt.Errorf("the login page: %w", err)
	}
	if f.sad, err = template.New("sad").Funcs(values).Parse(sadHTML); err != nil {
		return fmt.Errorf("the page of errors: %w", err)
	}
	sum := sha256.Sum256([]byte(styleCSS))
	f.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; frame-ancestors 'none'"
	return nil
}

func (f *Front) show(c *gin.Context, status int, page *template.Template, values any) {
	var body bytes.Buffer
	if err := page.Execute(&body, values); err != nil {
		f.log.Error("a page could not be made", zap.Error(err))
		c.Status(http.StatusInternalServerError)
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", f.policy)
	h.Set("X-Frame-Options", "DENY") // for browsers that know no frame-ancestors
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer a browser would post the form with Origin: null
	c.Data(status, "text/html; charset=utf-8", body.Bytes())
}

// sadPage is what the page of errors shows.
type sadPage struct {
	What, Why string
	Back      string // the URL that would tell the client; empty where there is none
	To        string // where that leads
}

// say shows a person what went wrong, where there is no client that could be told.
func (f *Front) say(c *gin.Context, status int, what, why string) {
	f.show(c, status, f.sad, sadPage{What: what, Why: why})
}

// loginPage is what the login page shows.
type loginPage struct {
	Name     string   // of the client, as it calls itself
	Verified string   // the host that vouches for the client; empty where none does
	To       string   // where the answer goes
	Scopes   []string // in words
	Server   string
	Action   string
	Request  string // the sealed request
	Answer   string // what binds it to the browser
	Wrong    string // what was wrong with the last try
}

// showLogin is GET /oauth/login: it asks for the key, and names who wants what.
func (f *Front) showLogin(c *gin.Context) {
	request := c.Query("request")
	l, err := f.seal.readLogin(request)
	if err != nil {
		f.tooLate(c)
		return
	}
	cookie, err := c.Request.Cookie(f.cookie)
	if err != nil || !f.seal.knowsCookie(cookie.Value) {
		cookie = &http.Cookie{
			Name: f.cookie, Value: f.seal.newCookie(), Path: "/", Secure: f.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		}
		http.SetCookie(c.Writer, cookie)
	}
	f.ask(c, http.StatusOK, l, request, cookie.Value, "")
}

func (f *Front) tooLate(c *gin.Context) {
	f.say(c, http.StatusBadRequest, "The login took too long, or was not begun here.", "Begin it anew from the application.")
}

func (f *Front) ask(c *gin.Context, status int, l *loginClaims, request, cookie, wrong string) {
	f.show(c, status, f.login, loginPage{
		Name: l.Name, Verified: documentHost(l.Client), To: place(l.RedirectURI), Scopes: inWords(l.Scopes),
		Server: place(f.issuer), Action: f.issuer + loginPath, Request: request, Answer: f.seal.answerTo(request, cookie), Wrong: wrong,
	})
}

// inWords says what scopes let a client do.
func inWords(scopes []string) []string {
	if len(scopes) == 0 {
		return []string{"Use every tool that your key may use, but administer nothing"}
	}
	words := make([]string, 0, len(scopes))
	for _, scope := range scopes {
		switch scope {
		case mcp.ScopeRead:
			words = append(words, "Use tools that read (tools:read)")
		case mcp.ScopeWrite:
			words = append(words, "Use tools that change something, and those that read (tools:write)")
		case mcp.ScopeAdmin:
			words = append(words, "Administer this server: see and end other people's sessions, and use every tool (admin)")
		default:
			words = append(words, "Use tools for "+scope)
		}
	}
	return words
}

// takeLogin is POST /oauth/login: a key and a yes, or a no. Each authorization needs one; nothing is remembered for the next.
func (f *Front) takeLogin(c *gin.Context) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxLoginBody)
	if err := c.Request.ParseForm(); err != nil {
		f.say(c, http.StatusBadRequest, "The form could not be read.", "Go back and try again.")
		return
	}
	form := c.Request.PostForm
	request := form.Get("request")
	l, err := f.seal.readLogin(request)
	if err != nil {
		f.tooLate(c)
		return
	}
	cookie, err := c.Request.Cookie(f.cookie)
	if err != nil || !f.seal.knowsCookie(cookie.Value) || !hmac.Equal([]byte(form.Get("answer")), []byte(f.seal.answerTo(request, cookie.Value))) {
		f.say(c, http.StatusForbidden, "The form was not the one that this browser was shown.",
			"Let the browser keep cookies of this server, and begin anew from the application.")
		return
	}
	if form.Get("do") != "allow" {
		f.log.Info("a login was denied", zap.String("client", l.Client), zap.String("address", f.address(c)))
		f.deny(c, l, oidc.ErrAccessDenied().WithDescription("the person said no"))
		return
	}
	owner, err := f.keys.Lookup(strings.TrimSpace(form.Get("key")))
	if err != nil {
		f.wrongKey(c, l, request, cookie.Value)
		return
	}
	scopes := granted(owner, l.Scopes)
	if len(scopes) == 0 {
		f.ask(c, http.StatusForbidden, l, request, cookie.Value, "This key may do nothing of what the application asks for. Use another one, or deny.")
		return
	}
	text := f.store.authorize(code{
		grant: grant{Client: l.Client, Key: owner.ID, Scopes: scopes}, redirectURI: l.RedirectURI, challenge: l.Challenge,
	})
	f.log.Info("a login by the OAuth front", zap.String("principal", owner.ID), zap.String("client", l.Client),
		zap.String("client_name", l.Name), zap.Strings("scopes", scopes), zap.String("address", f.address(c)))
	f.answer(c, l, url.Values{"code": {text}})
}

// wrongKey shows the page again. Where an address has tried too many, it is told to wait; a right key still passes, or one person
// who mistypes could lock out the office, and keys of 130 bits are not found by trying.
func (f *Front) wrongKey(c *gin.Context, l *loginClaims, request, cookie string) {
	f.log.Warn("a login with a wrong key", zap.String("client", l.Client), zap.String("address", f.address(c)))
	if d := f.wrongKeys.Allow(c.Request.Context(), f.address(c), 1); !d.OK {
		c.Header("Retry-After", strconv.FormatInt(d.Refusal().RetrySeconds(), 10))
		f.ask(c, http.StatusTooManyRequests, l, request, cookie, "Too many wrong keys came from your address. Wait a minute, then try again.")
		return
	}
	f.ask(c, http.StatusForbidden, l, request, cookie, "This is no key of this server, or it has expired or was revoked.")
}
