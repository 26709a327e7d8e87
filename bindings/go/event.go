package tcauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
)

// An EventType says what happened. Later versions may have more values.
type EventType int32

// What [Transport].OnEvent is told.
const (
	// EventRenewed: this process has renewed the token. If Err is [ErrStoreIO], the new token counts, but was not saved for
	// the other processes.
	EventRenewed EventType = 1 + iota

	// EventRenewalFailed: Err is [ErrNoAnswer], or an error with a [Status], such as [ErrRenewalRefused].
	EventRenewalFailed

	// EventAdopted: Request is the first one with a token that came from another process.
	EventAdopted

	// EventRetried: Request is sent once more, because its first response was a refusal that another attempt can help.
	EventRetried

	// EventRefused: the caller gets a refusal. Advice is the reason. It is Retry if another attempt could help, but was not
	// possible or was already made. It is never Accepted.
	EventRefused
)

var eventNames = map[EventType]string{
	EventRenewed: "RENEWED", EventRenewalFailed: "RENEWAL_FAILED", EventAdopted: "ADOPTED", EventRetried: "RETRIED",
	EventRefused: "REFUSED",
}

// String returns the name of the constant, without its prefix, in the style of the C library.
func (t EventType) String() string {
	return name(eventNames, t)
}

// LogValue returns String, so that a log in JSON contains no number.
func (t EventType) LogValue() slog.Value {
	return slog.StringValue(t.String())
}

// An Event is something that a [Transport] did or noticed. No field contains a secret of the Auth. Printed or logged, an
// Event shows everything except the headers, the query and the body of its Request. Later versions may have more fields.
type Event struct {
	Type EventType

	// Request is the caller's own, without the token; nil if the event is about a renewal.
	Request *http.Request

	// HTTPStatus is that of the refusal, or of the response to the renewal; 0 if there was none.
	HTTPStatus int

	// Advice is set in EventRetried and EventRefused.
	Advice Advice

	// Err is set in EventRenewalFailed, and in EventRenewed if the token was not saved.
	Err error

	// Message is the server's message about a renewal; usually "".
	Message string
}

// attributes are what is printed, in this order.
func (e Event) attributes() []slog.Attr {
	attributes := []slog.Attr{slog.String("type", e.Type.String())}
	if e.Type == EventRetried || e.Type == EventRefused {
		attributes = append(attributes, slog.String("advice", e.Advice.String()))
	}
	if e.HTTPStatus != 0 {
		attributes = append(attributes, slog.Int("http_status", e.HTTPStatus))
	}
	var status Status
	if errors.As(e.Err, &status) {
		attributes = append(attributes, slog.String("status", status.String()))
	} else if e.Err != nil {
		attributes = append(attributes, slog.String("error", e.Err.Error()))
	}
	if e.Message != "" {
		attributes = append(attributes, slog.String("message", e.Message))
	}
	if e.Request != nil {
		attributes = append(attributes, slog.String("method", method(e.Request)))
		if e.Request.URL != nil {
			attributes = append(attributes, slog.String("path", e.Request.URL.EscapedPath()))
		}
	}
	return attributes
}

// String returns one line for a log.
func (e Event) String() string {
	var line strings.Builder
	for i, attribute := range e.attributes() {
		if i > 0 {
			line.WriteByte(' ')
		}
		format := "%s=%s"
		if strings.ContainsAny(attribute.Value.String(), " \"=") {
			format = "%s=%q"
		}
		fmt.Fprintf(&line, format, attribute.Key, attribute.Value.String())
	}
	return line.String()
}

// Format prints String for every verb, so that %+v and %#v show no fields.
func (e Event) Format(state fmt.State, _ rune) {
	fmt.Fprint(state, e.String())
}

// LogValue returns a group, for log/slog.
func (e Event) LogValue() slog.Value {
	return slog.GroupValue(e.attributes()...)
}

// MarshalJSON returns the members of LogValue.
func (e Event) MarshalJSON() ([]byte, error) {
	members := make(map[string]any)
	for _, attribute := range e.attributes() {
		members[attribute.Key] = attribute.Value.Any()
	}
	return json.Marshal(members)
}
