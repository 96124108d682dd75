package handlers

import "github.com/gin-gonic/gin"

// wellKnown adds the documents under /.well-known that clients look for; without OAuth there are none, and the answer is
// the 404 of every unknown path.
func (a *API) wellKnown(_ *gin.Engine, _ *gates) {}
