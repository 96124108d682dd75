package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logFlush is how long a line may wait in the buffer before a log file.
const logFlush = time.Second

// Open makes the program's log, whose level may be changed while it is written: to stderr at once, or to its file through a buffer that is written every second. The
// caller calls done at the end, which writes what is left.
func (l Log) Open(stderr io.Writer) (log *zap.Logger, level zap.AtomicLevel, done func(), err error) {
	level, err = zap.ParseAtomicLevel(l.Level)
	if err != nil {
		return nil, level, nil, fmt.Errorf("log.level: %w", err)
	}
	sink, done := zapcore.Lock(zapcore.AddSync(stderr)), func() {}
	if l.File != "" {
		f, err := os.OpenFile(l.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
		if err != nil {
			return nil, level, nil, fmt.Errorf("log.file: %w", err)
		}
		buffer := &zapcore.BufferedWriteSyncer{WS: f, FlushInterval: logFlush}
		sink, done = buffer, func() { _ = errors.Join(buffer.Stop(), f.Close()) } // nowhere is left to report it
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.TimeKey = "time"
	encoding.EncodeTime, encoding.EncodeDuration = zapcore.RFC3339NanoTimeEncoder, zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(encoding)
	if l.Format == LogConsole {
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	return zap.New(zapcore.NewCore(encoder, sink, level)), level, done, nil
}
