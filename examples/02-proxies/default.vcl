# Varnish in front of a hub. For /etc/varnish/default.vcl. Streams are piped, and nothing is cached.
# Explained in docs/operating/proxies.md.
#
# Start it with
#   -p pipe_timeout=60s         how long a stream may be silent: several times --heartbeat (15s by default)
#   -p thread_pool_max=10000    each open stream uses a thread; there are two pools

vcl 4.1;

backend hub {
  .host = "127.0.0.1";
  .port = "4242";
  .connect_timeout = 5s;
}

sub vcl_recv {
  # Varnish has put the client's address into X-Forwarded-For, which a hub with --trust-proxy 127.0.0.1 uses.
  # When the hub is down, Varnish closes the connection: an EventSource then reconnects, which it would not after 503.
  if (req.method == "GET" && req.http.Accept ~ "text/event-stream") {
    return (pipe);
  }
  return (pass);
}
