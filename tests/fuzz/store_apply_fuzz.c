/* Any bytes as a log entry: applying them never fails, gives every reader the same picture as the
 * state, and what is kept survives the disk. */
#include <string.h>

#include "api/store.pb-c.h"
#include "lib/base/check.h"
#include "lib/message/message.h"
#include "manager/store/apply.h"
#include "manager/store/check.h"
#include "manager/store/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(struct arena *arena, const uint8_t *data, size_t size)
{
        ProtobufCMessage *message;

        if (message_unpack(arena, &sk__commit_request__descriptor, data, size, &message, NULL) < 0)
                return;
        if (check_commit((Sk__CommitRequest *)message, UINT32_MAX, NULL) == 0)
                check_contents((Sk__CommitRequest *)message, NULL);
}

static void check_record(const struct record *record, struct arena *arena)
{
        struct record *copy;
        uint8_t *bytes;
        size_t size;

        record_pack(record, arena, &bytes, &size);
        CHECK(record_unpack(bytes, size, arena, &copy, NULL) == 0);
        CHECK(record_size(copy) == record_size(record));
        CHECK(strcmp(record_id(copy), record_id(record)) == 0);
        free(copy);
}

static void check_state(struct state *state, struct arena *arena)
{
        Sk__KindMask masks[OBJECT_KINDS], *pointers[OBJECT_KINDS];
        Sk__WatchRequest request = SK__WATCH_REQUEST__INIT;
        const struct record *record;
        struct feed feed = { 0 };
        Sk__WatchResponse news;
        size_t n = 0, told = 0;

        for (int kind = 1; kind < OBJECT_KINDS; kind++) {
                for (size_t at = 0; (record = state_each(state, (Sk__Kind)kind, &at)); n++)
                        check_record(record, arena);
                sk__kind_mask__init(&masks[kind]);
                masks[kind].kind = (Sk__Kind)kind;
                masks[kind].parts = UINT32_MAX;
                pointers[request.n_kinds++] = &masks[kind];
        }
        request.kinds = pointers;
        CHECK(n == state_count_all(state));
        CHECK(feed_init(&feed, state, &request, UINT32_MAX, NULL) == 0);
        while (feed_next(&feed, arena, &news))
                told += news.n_events;
        CHECK(told == n);
        feed_done(&feed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct state *state = state_new();
        struct arena arena = { 0 };
        struct applied *results;
        size_t n;

        check_request(&arena, data, size);
        for (uint64_t index = 1; index <= 2; index++)
                apply_entry(state, index, data, size, &arena, &results, &n);
        CHECK(state_version(state) == 2);
        check_state(state, &arena);
        state_free(state);
        arena_done(&arena);
        return 0;
}
