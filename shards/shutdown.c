/* shutdown.c: what the options of a shutdown mean here.
 *
 * The data is kept in the append-only file, which is complete and synced when the last shard has closed it, whatever the
 * options; NOSAVE, NOW and FORCE have nothing to skip. There is no snapshot to be saved, so SAVE is refused unless FORCE
 * insists on stopping. */
#include "shards/shutdown.h"

#include "shards/server.h"

bool shutdown_begin(struct server *server, unsigned options) {
    if ((options & CONFIG_SHUTDOWN_SAVE) && !(options & CONFIG_SHUTDOWN_FORCE)) {
        logger_say(&server->logger, LOGLEVEL_WARNING,
                   "Shutdown refused: it should save a snapshot, and this "
                   "server saves none");
        return false;
    }
    server_stop(server);
    return true;
}
