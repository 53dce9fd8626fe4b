/* conn_read.h: from a socket's bytes to commands; shared inside net only. */
#pragma once

#include "net/conn.h"

/* io's on_data for connections. */
void conn_read_data(struct io_stream *stream, struct bytes data);
