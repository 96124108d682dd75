package ldapdir

import (
	"encoding/binary"
	"strconv"

	"github.com/go-ldap/ldap/v3"
)

const ridSize = 4 // bytes at the end of a SID that tell entries of one domain apart (MS-DTYP, 2.4.2.2)

// primaryGroup is the SID of the group that Active Directory has somebody in without naming them in it; nil where there is
// none.
func primaryGroup(e *ldap.Entry) []byte {
	sid := e.GetEqualFoldRawAttributeValue("objectSid")
	rid, err := strconv.ParseUint(e.GetEqualFoldAttributeValue("primaryGroupID"), 10, 32)
	if err != nil || len(sid) <= ridSize {
		return nil
	}
	domain := sid[:len(sid)-ridSize]
	return binary.LittleEndian.AppendUint32(append([]byte(nil), domain...), uint32(rid))
}

// ridOf is the number of an entry within its domain; empty where it has no SID.
func ridOf(e *ldap.Entry) string {
	sid := e.GetEqualFoldRawAttributeValue("objectSid")
	if len(sid) <= ridSize {
		return ""
	}
	return strconv.FormatUint(uint64(binary.LittleEndian.Uint32(sid[len(sid)-ridSize:])), 10)
}
