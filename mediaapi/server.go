package mediaapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/config/outbound"
	"github.com/conversalabs/internalchat/mediaapi/media"
)

// Options are what a Server is made with. Media and Now are required.
type Options struct {
	Media *media.Service
	// Previews tells whether an account has previews of pages elsewhere, and Own
	// whether a host (without a port, as it was written) is one of the product's own,
	// which are never fetched.
	// Without Previews or Outside there are none.
	Previews func(ctx context.Context, account tenant.ID) (bool, error)
	Own      func(ctx context.Context, account tenant.ID, host string) (bool, error)
	Outside  *outbound.Client
	Now      func() time.Time
	// Patience is how long an upload may be slower than 8 KiB a second: 30 s if 0.
	Patience time.Duration
	// ThumbnailTime is how long a thumbnail may take: 10 s if 0.
	ThumbnailTime time.Duration
}

// Server holds what the handlers call.
type Server struct {
	media    *media.Service
	previews func(ctx context.Context, account tenant.ID) (bool, error)
	own      func(ctx context.Context, account tenant.ID, host string) (bool, error)
	outside  *outbound.Client
	now      func() time.Time
	patience time.Duration
	takes    time.Duration // a thumbnail

	making  singleflight.Group  // thumbnails
	memory  *semaphore.Weighted // of thumbnails being made, bytes
	asking  singleflight.Group  // previews
	fetches *semaphore.Weighted
}

// New makes a Server.
func New(o Options) *Server {
	return &Server{
		media: o.Media, previews: o.Previews, own: o.Own, outside: o.Outside, now: o.Now,
		patience: cmp.Or(o.Patience, 30*time.Second), takes: cmp.Or(o.ThumbnailTime, 10*time.Second),
		memory: semaphore.NewWeighted(thumbnailMemory), fetches: semaphore.NewWeighted(maxFetches),
	}
}

// Routes registers all routes.
func (s *Server) Routes(api *httpapi.API) {
	api.Private("/_matrix/client/v1/media/")
	limit := httpapi.Limit(httpapi.Media)
	upload := []httpapi.Option{limit, httpapi.Streaming(), httpapi.AnyRoom()}
	s.both(api, http.MethodPost, "/upload", api.User(s.upload, upload...))
	s.both(api, http.MethodPut, "/upload/{serverName}/{mediaId}", api.User(s.fill, upload...))
	api.Handle(http.MethodPost, "/_matrix/media/v1/create", api.User(s.create, limit, httpapi.AnyRoom()))

	config := api.User(s.config, httpapi.AnyRoom())
	api.Handle(http.MethodGet, "/_matrix/client/v1/media/config", config)
	s.both(api, http.MethodGet, "/config", config)

	for path, handler := range map[string]httpapi.Handler{
		"/download/{serverName}/{mediaId}":            s.download,
		"/download/{serverName}/{mediaId}/{fileName}": s.downloadAs,
		"/thumbnail/{serverName}/{mediaId}":           s.thumbnail,
		"/preview_url":                                s.preview,
	} {
		api.Handle(http.MethodGet, "/_matrix/client/v1/media"+path, api.User(handler, limit, httpapi.AnyRoom()))
		s.both(api, http.MethodGet, path, api.UserUnless(always, known(handler), limit, httpapi.AnyRoom()))
	}
}

// both registers a path of the older API under its two versions.
func (s *Server) both(api *httpapi.API, method, path string, r *httpapi.Route) {
	api.Handle(method, "/_matrix/media/v3"+path, r)
	api.Handle(method, "/_matrix/media/r0"+path, r)
}

func always(context.Context, tenant.ID) (bool, error) { return true, nil }

// known makes a handler of the older API, which was asked without a token: for such a
// request there is no media (section "Content repository", v1.11).
func known(h httpapi.Handler) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		if r.Caller.User == "" {
			return nil, media.ErrNotFound
		}
		return h(r)
	}
}

// config handles GET /_matrix/client/v1/media/config, also as
// /_matrix/media/v3/config: {"m.upload.size": bytes}.
func (s *Server) config(r *httpapi.Request) (any, error) {
	rules, err := s.media.Rules(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	if rules.UploadBytes == 0 {
		return nil, nil // unknown: no limit
	}
	return map[string]int64{"m.upload.size": rules.UploadBytes}, nil
}
