/* io_sim_names.c: a list of names, searched from the front: a test's disk holds a few dozen. */
#include "core/io/io_sim_names.h"

#include "core/base/mem.h"

void io_sim_names__unref(struct sim_file *file) {
    if (!file || --file->refs > 0)
        return;
    buf_deinit(&file->data);
    buf_deinit(&file->stable);
    buf_deinit(&file->marks);
    mem_free(file);
}

struct sim_file *io_sim_names__ref(struct sim_file *file) {
    if (file)
        file->refs++;
    return file;
}

char *io_sim_names__normal(const char *path) {
    char *normal = mem_alloc(strlen(path) + 1);
    size_t len = 0;
    while (*path) {
        size_t part = strcspn(path, "/");
        bool is_dot = part == 0 || (part == 1 && path[0] == '.');
        if (!is_dot) {
            if (len > 0)
                normal[len++] = '/';
            memcpy(normal + len, path, part);
            len += part;
        }
        path += part + (path[part] == '/');
    }
    normal[len] = '\0';
    return normal;
}

struct sim_name *io_sim_names__find(const struct sim_names *names, const char *path) {
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].path, path) == 0)
            return &names->items[i];
    }
    return NULL;
}

/* Length of the directory part: 0 for the root. */
static size_t parent_len(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

bool io_sim_names__has_parent(const struct sim_names *names, const char *path) {
    size_t len = parent_len(path);
    if (len == 0)
        return true;
    for (size_t i = 0; i < names->count; i++) {
        const struct sim_name *n = &names->items[i];
        if (!n->file && strlen(n->path) == len && memcmp(n->path, path, len) == 0)
            return true;
    }
    return false;
}

void io_sim_names__remove(struct sim_names *names, const char *path) {
    struct sim_name *name = io_sim_names__find(names, path);
    if (!name)
        return;
    mem_free(name->path);
    io_sim_names__unref(name->file);
    *name = names->items[--names->count];
}

void io_sim_names__put(struct sim_names *names, const char *path, struct sim_file *file) {
    io_sim_names__ref(file);
    io_sim_names__remove(names, path);
    if (names->count == names->cap) {
        names->cap = names->cap ? names->cap * 2 : 16;
        names->items = mem_realloc(names->items, names->cap * sizeof *names->items);
    }
    size_t bytes = strlen(path) + 1;
    char *copy = mem_alloc(bytes);
    memcpy(copy, path, bytes);
    names->items[names->count++] = (struct sim_name){copy, file};
}

bool io_sim_names__is_in(const char *path, const char *dir) {
    size_t len = parent_len(path);
    return strlen(dir) == len && memcmp(path, dir, len) == 0;
}

void io_sim_names__clear(struct sim_names *names) {
    while (names->count > 0)
        io_sim_names__remove(names, names->items[0].path);
}
