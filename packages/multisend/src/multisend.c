// send(descriptors: Int32Array, count: number, bytes: Uint8Array, results: Int32Array): number
//
// One send() of the same bytes to each of the first `count` descriptors, none of which waits. Each result is how many
// bytes the kernel took, or a negative errno. A negative descriptor is skipped: 0 bytes. Returns how many took all.
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// Elsewhere, writing to a closed connection raises SIGPIPE, which Node ignores.
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

// The elements of a typed array of this type. False, with an exception pending, for anything else.
static bool elements(napi_env env, napi_value value, napi_typedarray_type wanted, void **data, size_t *length) {
  bool is_array = false;
  napi_typedarray_type type;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok) return false;
  if (is_array && napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) != napi_ok) return false;
  if (is_array && type == wanted) return true;
  napi_throw_type_error(env, NULL, "send() needs an Int32Array, a number, a Uint8Array and an Int32Array");
  return false;
}

static napi_value send_to_all(napi_env env, napi_callback_info info) {
  napi_value arguments[4], answer = NULL;
  size_t given = 4, length, descriptors_length, results_length;
  void *bytes, *descriptors, *results;
  uint32_t count;
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) != napi_ok) return NULL;
  if (!elements(env, arguments[0], napi_int32_array, &descriptors, &descriptors_length)) return NULL;
  if (!elements(env, arguments[2], napi_uint8_array, &bytes, &length)) return NULL;
  if (!elements(env, arguments[3], napi_int32_array, &results, &results_length)) return NULL;
  if (napi_get_value_uint32(env, arguments[1], &count) != napi_ok || count > descriptors_length || count > results_length) {
    napi_throw_range_error(env, NULL, "count exceeds the descriptors or the results");
    return NULL;
  }
  const int32_t *to = descriptors;
  int32_t *result = results;
  uint32_t whole = 0;
  for (uint32_t i = 0; i < count; i++) {
    ssize_t taken = to[i] < 0 ? 0 : send(to[i], bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    result[i] = taken < 0 ? -errno : (int32_t)taken;
    whole += to[i] >= 0 && taken == (ssize_t)length;
  }
  if (napi_create_uint32(env, whole, &answer) != napi_ok) return NULL;
  return answer;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "send", NAPI_AUTO_LENGTH, send_to_all, NULL, &function) != napi_ok) return NULL;
  if (napi_set_named_property(env, exports, "send", function) != napi_ok) return NULL;
  return exports;
}
