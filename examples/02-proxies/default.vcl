# Varnish before a hub. For /etc/varnish/default.vcl. Streams are piped; nothing of a hub is stored.
# The reasons at length: docs/operating/proxies.md.
#
# Start it with
#   -p pipe_timeout=60s         how long a stream may be silent: several times --heartbeat, which is 15s
#   -p thread_pool_max=10000    each stream holds a thread for as long as it is open; there are two pools

vcl 4.1;

backend hub {
  .host = "127.0.0.1";
  .port = "4242";
  .connect_timeout = 5s;
}

sub vcl_recv {
  # Varnish has put the client's address into X-Forwarded-For: it counts where the hub has --trust-proxy 127.0.0.1.
  # When the hub is away, Varnish closes the connection: an EventSource comes back after that, as it would not after 503.
  if (req.method == "GET" && req.http.Accept ~ "text/event-stream") {
    return (pipe);
  }
  return (pass);
}
