package deploy

import (
	"encoding/json"
	"fmt"
	"time"
)

// errors are the answers that nginx itself gives, in the form of Toolgate's refusals: a JSON-RPC error without an id.
func (s *nginxSite) errors() {
	seconds := func(d time.Duration) int { return int(d / time.Second) }
	s.Errors = []nginxError{
		{Status: 400, Early: true, Codes: "400 494", Body: refusal(-32600, "bad_request", "the request is no HTTP that this server takes, or its headers are too large", 0)},
		{Status: 403, Codes: "403", Body: refusal(-32600, "forbidden", "this path is not open to the world", 0)},
		{
			Status: 413, Codes: "413", Own: "413",
			Body: refusal(-32600, "body_too_large", fmt.Sprintf("the body is larger than %d bytes: send less at once", s.Body), 0),
		},
		{Status: 414, Early: true, Codes: "414", Body: refusal(-32600, "url_too_long", "the URL is too long", 0)},
		{
			Status: 429, Codes: "598", Own: "598", RetryAfter: seconds(nginxConns),
			Body: refusal(-32600, "too_many_connections", "your address has too many connections open: close some", seconds(nginxConns)),
		},
		{Status: 500, Codes: "500", Body: refusal(-32603, "internal", "internal error of the proxy; its log says more", 0)},
		{
			Status: 502, Codes: "502", Own: "502", RetryAfter: seconds(nginxRetry),
			Body: refusal(-32603, "server_gone", "no server answered, or it broke off: a call may have been made, repeat only what may be done twice", seconds(nginxRetry)),
		},
		{
			Status: 503, Codes: "503", RetryAfter: seconds(nginxRetry),
			Body: refusal(-32603, "unavailable", "the server takes no requests now", seconds(nginxRetry)),
		},
		{
			Status: 504, Codes: "504", Own: "504", RetryAfter: seconds(nginxRetry),
			Body: refusal(-32603, "server_silent", "the server did not answer in time: a call may have been made, repeat only what may be done twice", seconds(nginxRetry)),
		},
	}
}

// Place is the location that answers. A named one keeps the method for the log; but where the request could not be read,
// there is no path yet, and nginx goes to no name without one.
func (e nginxError) Place() string {
	if e.Early {
		return fmt.Sprintf("/.toolgate/%d", e.Status)
	}
	return fmt.Sprintf("@toolgate_%d", e.Status)
}

// refusal is a body between nginx's single quotes: there is no ' and no $ in it.
func refusal(code int, reason, message string, retryAfter int) string {
	type data struct {
		Reason            string `json:"reason"`
		RetryAfterSeconds int    `json:"retryAfterSeconds,omitempty"`
	}
	type fault struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    data   `json:"data"`
	}
	body, err := json.Marshal(struct {
		JSONRPC string `json:"jsonrpc"`
		Error   fault  `json:"error"`
	}{"2.0", fault{code, message, data{reason, retryAfter}}})
	if err != nil { // strings and integers always encode
		panic(err)
	}
	return string(body)
}
