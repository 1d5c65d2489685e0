/* Which daemons a node runs, and with what options. */
#include "agent/node/daemons.h"

#include <string.h>

#include "api/ports.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"

const struct daemon_row daemon_rows[] = {
        { "store",
          "--identity %S/identity --listen unix:%R/store.sock --listen %L:2383 --folder %S/store "
          "--bootstrap %S/bootstrap --advertise %A:2383 --raft-listen %L:2385 --raft-advertise "
          "%A:2385 --join=%J",
          false },
        { "ca",
          "--identity %S/identity --listen unix:%R/ca.sock --listen %L:2384 --store "
          "unix:%R/store.sock",
          false },
        { "orchestrator", "--identity %S/identity --store unix:%R/store.sock", false },
        { "allocator", "--identity %S/identity --store unix:%R/store.sock", false },
        { "scheduler", "--identity %S/identity --store unix:%R/store.sock", false },
        { "dispatcher",
          "--identity %S/identity --listen unix:%R/dispatcher.sock --listen %L:2382 --store "
          "unix:%R/store.sock --join-port %P",
          false },
        { "api",
          "--identity %S/identity --listen unix:%R/api.sock --listen %L:2381 --store "
          "unix:%R/store.sock --dispatcher unix:%R/dispatcher.sock --ca unix:%R/ca.sock",
          false },
        { "join",
          "--identity %S/identity --listen %L:%P --ca unix:%R/ca.sock --root-certificate "
          "%S/identity/root.crt",
          false },
        { "mesh", "--listen unix:%R/mesh.sock --run-folder %R", true },
        { 0 },
};

/* What the letters stand for. */
struct places {
        const struct node_record *record;
        const char *state_folder, *run_folder;
        struct str stores; /* of the managers that are known: "host:2383,host:2383" */
};

static const char *place(char letter, const struct places *places)
{
        switch (letter) {
        case 'S':
                return places->state_folder;
        case 'R':
                return places->run_folder;
        case 'L':
                return places->record->listen_host;
        case 'P':
                return places->record->listen_port;
        case 'A':
                return places->record->advertise_address;
        case 'J':
                return str_text(&places->stores);
        default:
                return NULL;
        }
}

static void add_words(const char *text, const struct places *places, struct arena *arena,
                      struct vec *words)
{
        _cleanup_(str_done) struct str word = { 0 };

        for (const char *at = text;; at++) {
                const char *filled = *at == '%' ? place(at[1], places) : NULL;

                if (filled) {
                        str_add(&word, filled);
                        at++;
                } else if (*at && *at != ' ') {
                        str_add_char(&word, *at);
                } else {
                        if (word.length)
                                vec_push(words,
                                         &(const char *){ arena_strdup(arena, str_text(&word)) });
                        str_clear(&word);
                        if (!*at)
                                return;
                }
        }
}

static void list_stores(const struct node_record *record, struct str *ret)
{
        char addresses[RECORD_MANAGERS_MAX][RECORD_ADDRESS_SIZE];
        size_t n = node_record_managers(record, PORT_STORE, addresses);

        size_t own = strlen(record->advertise_address);

        for (size_t i = 0; i < n; i++)
                if (strncmp(addresses[i], record->advertise_address, own) != 0 ||
                    addresses[i][own] != ':')
                        str_addf(ret, "%s%s", ret->length ? "," : "", addresses[i]);
}

const char *const *daemon_arguments(const struct daemon_row *row, const struct node_record *record,
                                    const char *state_folder, const char *run_folder,
                                    const char *extra, struct arena *arena)
{
        _cleanup_(vec_done) struct vec words = VEC_OF(const char *);
        struct places places = { record, state_folder, run_folder, { 0 } };

        list_stores(record, &places.stores);
        add_words(row->arguments, &places, arena, &words);
        vec_push(&words, &(const char *){ "--metrics" });
        vec_push(&words, &(const char *){ arena_printf(arena, "unix:%s/%s.metrics", run_folder,
                                                       row->name) });
        add_words(str_or(extra, ""), &places, arena, &words);
        vec_push(&words, &(const char *){ NULL });
        str_done(&places.stores);
        return arena_copy(arena, words.data, words.n * sizeof(const char *));
}
