/* A client: what all of its operations share. */
#ifndef PENSTOCK_CLIENT_CLIENT_H
#define PENSTOCK_CLIENT_CLIENT_H

#include "client/client_conns.h"
#include "client/client_direct.h"
#include "client/client_settings.h"
#include "client/client_work.h"

struct ps_client {
    struct client_settings settings;
    struct client_conns conns;
    struct client_direct direct;
    struct client_work work;
};

#endif
