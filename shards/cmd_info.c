/* cmd_info.c: INFO [section ...]. */
#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "shards/gather.h"
#include "shards/info.h"
#include "shards/server.h"

static unsigned info_sections_wanted(int argc, const struct bytes *argv) {
    if (argc < 2)
        return info_sections_named(BYTES_LIT("default"));
    unsigned sections = 0;
    for (int i = 1; i < argc; i++)
        sections |= info_sections_named(argv[i]);
    return sections;
}

static void info_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    const struct request *r = gather_request(gather);
    struct info info;
    struct buf text;
    buf_init(&text);
    info_collect(shard, gather, &info);
    info_put_sections(&info, info_sections_wanted(r->argc, r->argv), &text);
    resp_verbatim(out, "txt", buf_bytes(&text));
    info_release(&info, gather);
    buf_deinit(&text);
}

static const struct gather_how info_how = {
    .answer_bytes = sizeof(struct info_shard),
    .ask = info_ask,
    .finish = info_finish,
    .free_question = mem_free,
};

void cmd_info(struct exec *x) {
    unsigned sections = info_sections_wanted(x->argc, x->argv);
    struct info_question *question = mem_zalloc(sizeof *question);
    question->wants_times = (sections & (1u << INFO_LATENCYSTATS)) != 0;
    question->wants_commands = question->wants_times || (sections & (1u << INFO_COMMANDSTATS)) != 0;
    gather_start(x, &info_how, question);
}
