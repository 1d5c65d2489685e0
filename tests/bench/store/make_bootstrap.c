/* make_bootstrap PATH: a LogEntry with a cluster in it, for stores of tests. */
#include <stdio.h>

#include "api/objects.h"
#include "api/store.pb-c.h"
#include "lib/message/message.h"
#include "lib/os/file.h"

int main(int argc, char **argv)
{
        struct arena arena = { 0 };
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };
        Sk__Change change = SK__CHANGE__INIT, *changes[] = { &change };
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        Sk__LogCommit commit = SK__LOG_COMMIT__INIT, *commits[] = { &commit };
        Sk__LogEntry entry = SK__LOG_ENTRY__INIT;
        struct err err;
        uint8_t *data;
        size_t size;

        if (argc != 2)
                return 2;
        change.op = SK__CHANGE__OP__CREATE;
        change.kind = SK__KIND__KIND_CLUSTER;
        change.id = (char *)"cluster000000000000000000";
        change.name = (char *)"default";
        change.parts = parts;
        change.n_parts = 1;
        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        commit.request = &request;
        commit.writer = ROLE_STORE;
        entry.commits = commits;
        entry.n_commits = 1;
        message_pack(&arena, &entry.base, &data, &size);
        if (file_write_atomic(argv[1], data, size, 0600, &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                return 1;
        }
        arena_done(&arena);
        return 0;
}
