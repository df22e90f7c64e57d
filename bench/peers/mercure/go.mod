module tailrace.dev/bench/mercure

go 1.25

require (
	github.com/caddyserver/caddy/v2 v2.11.3
	github.com/dunglas/mercure/caddy v0.24.2
)

// Root certificates for machines without any; the bench speaks no TLS, and not every module proxy has this one.
replace golang.org/x/crypto/x509roots/fallback => ./no-fallback-roots
