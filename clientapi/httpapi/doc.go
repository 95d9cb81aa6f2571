// Package httpapi is the edge between HTTP and the handlers: routes, who may
// ask, strict decoding of bodies and parameters, limits and rates, and the
// writing of answers and refusals (in the caller's language) with the headers
// they need. A handler is a function from a [Request] to a value or an error;
// it never sees a ResponseWriter. Its one rule: what reaches a handler has been
// checked (token, rate, size, UTF-8, no NUL, strict JSON), and what leaves it
// carries neither a cause nor a secret.
package httpapi
