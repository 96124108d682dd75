package egress

import "context"

// As returns a context whose requests use a credential of a caller's own, in place of what Authorize of Options does with
// none: Authorize finds it by Caller. What is kept is kept for each credential apart.
func As(ctx context.Context, credential string) context.Context {
	return context.WithValue(ctx, callerKey{}, credential)
}

// Caller is the credential that As put into ctx; empty where there is none.
func Caller(ctx context.Context) string {
	credential, _ := ctx.Value(callerKey{}).(string)
	return credential
}

type callerKey struct{}
