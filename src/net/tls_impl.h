/* TLS, as stream_tls.c sees it: the context of the day, and the streams over it. */
#ifndef PENSTOCK_NET_TLS_IMPL_H
#define PENSTOCK_NET_TLS_IMPL_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* tls_context_session(T): a new server-side session on the current certificate; NULL: no memory.
 * From any thread. It keeps its certificate when the context is reloaded. */
SSL *tls_context_session(struct tls_context *T);

#endif
