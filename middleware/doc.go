// Package middleware holds the gates a request passes before a handler sees it, one gate a file:
//
//	RequestID    names the request in its answer, its context and the log
//	RequestLog   writes one line when the request is over
//	Recover      turns a panic into a 500, or ends the connection when the answer has begun
//	HostCheck    refuses foreign Host and Origin headers (DNS rebinding, other people's web pages)
//	CORS         answers preflights, and lets allowed pages read answers and errors
//	RateLimit    refuses who asks too often, by address or by principal
//	Auth         finds out who asks
//	BodyLimit    refuses bodies that are too large, too slow, or no JSON
//
// The router alone decides which paths have which gates, and in what order. Each gate works without the others; what one
// leaves for later ones travels in the request's context and is read with RequestIDFrom, LineFrom and PrincipalFrom.
// Every gate says no in the same form, through Refuse.
package middleware
