package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory. It is written as a whole number with a binary unit, "4MiB"; a number without a unit is
// bytes.
type Bytes int64

// The units of Bytes.
const (
	Byte Bytes = 1
	KiB        = 1024 * Byte
	MiB        = 1024 * KiB
	GiB        = 1024 * MiB
)

// String writes b in the largest unit that leaves a whole number, so that it reads back as the same amount.
func (b Bytes) String() string {
	switch {
	case b == 0:
		return "0B"
	case b%GiB == 0:
		return fmt.Sprintf("%dGiB", int64(b/GiB))
	case b%MiB == 0:
		return fmt.Sprintf("%dMiB", int64(b/MiB))
	case b%KiB == 0:
		return fmt.Sprintf("%dKiB", int64(b/KiB))
	}
	return fmt.Sprintf("%dB", int64(b))
}

// UnmarshalText reads what String writes, in any case of letters and with or without a space before the unit. Decimal
// units are refused rather than guessed at: people write MB and mean either.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := string(text)
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	var unit Bytes
	switch strings.ToLower(s[len(digits):]) {
	case "", "b":
		unit = Byte
	case "kib":
		unit = KiB
	case "mib":
		unit = MiB
	case "gib":
		unit = GiB
	default:
		return fmt.Errorf("%q is not a size: write a whole number of B, KiB, MiB or GiB, such as 4MiB", s)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a size: write a whole number of B, KiB, MiB or GiB, such as 4MiB", s)
	}
	if n > math.MaxInt64/int64(unit) || n < math.MinInt64/int64(unit) {
		return fmt.Errorf("%q is more than can be counted", s)
	}
	*b = Bytes(n) * unit
	return nil
}
