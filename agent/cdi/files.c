/* Where CDI files lie. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cdi/cdi.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

enum { FILES_MAX = 100 };

static int is_json(const struct dirent *entry)
{
        return entry->d_name[0] != '.' && str_ends_with(entry->d_name, ".json");
}

static void read_file(const char *path, struct arena *arena, struct vec *devices,
                      void (*complain)(const char *path, const struct err *err))
{
        _cleanup_(str_done) struct str text = { 0 };
        struct err err;

        if (file_read(path, CDI_FILE_MAX, &text, &err) < 0 ||
            cdi_parse(str_text(&text), text.length, arena, devices, &err) < 0)
                complain(path, &err);
}

static void read_folder(const char *folder, struct arena *arena, struct vec *devices,
                        void (*complain)(const char *path, const struct err *err))
{
        struct dirent **entries = NULL;
        int n = scandir(folder, &entries, is_json, alphasort);

        for (int i = 0; i < n; i++) {
                if (i < FILES_MAX)
                        read_file(arena_printf(arena, "%s/%s", folder, entries[i]->d_name), arena,
                                  devices, complain);
                free(entries[i]);
        }
        free(entries);
}

void cdi_read(const char *const *folders, size_t n_folders, struct arena *arena,
              struct vec *devices, void (*complain)(const char *path, const struct err *err))
{
        for (size_t i = 0; i < n_folders; i++)
                read_folder(folders[i], arena, devices, complain);
}
