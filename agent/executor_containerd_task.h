/* The insides of the executor: what it keeps of itself and of each task.  Private to
 * agent/executor_containerd*.c. */
#pragma once
#include "agent/containerd/chain.h"
#include "agent/containerd/client.h"
#include "agent/containerd/images.h"
#include "agent/containerd/server.h"
#include "agent/containerd/shim.h"
#include "agent/containerd/shims.h"
#include "agent/executor_containerd.h"
#include "agent/executor_containerd_bundle.h"
#include "agent/keeper/keeper.h"
#include "agent/logs/sink.h"
#include "agent/oci/health.h"
#include "api/containerd/snapshots.pb-c.h"
#include "lib/base/map.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"

enum { PATH_SIZE = 300 };

struct executor_containerd {
        struct executor executor;
        struct executor_containerd_options options; /* strings are in the arena */
        struct arena arena;
        struct oci_host host;
        const char *init_path; /* NULL: none is installed */
        const char *memory_folder;
        int lock_fd;
        struct containerd_server *server; /* NULL: somebody else's */
        struct rpc_client *client;
        struct images *images;
        char version[64];
        struct map tasks; /* by id: those whose handles are open */
        struct known_users known_users;
        struct shims shims;
        int n_starting, n_starting_most; /* tasks with a turn */
        struct chain_queue turns;        /* those that wait for one */

        struct loop_timer ping;
        struct rpc_request *ping_request;
        int n_silent;
        bool has_named_networks;  /* to options.network, or is about to */
        struct listing *listings; /* under way */
        struct node_look *look;   /* at what the machine has */
        struct volume_care *volumes;
        struct disk_care *disk; /* NULL: not ours to care for */
        struct executor_entry *entries;
        struct worker_pool *resolvers; /* wait for names of log servers, and nothing else */
        struct worker_pool *copiers;   /* for people's copies, who may be slow; NULL: none yet */
        int n_copies;
        uint64_t n_lines_dropped; /* of logs that are closed */
        struct keeper *keeper;    /* NULL: none */
};

/* What is known of the process in the container. */
enum process_state {
        PROCESS_NONE,    /* it never ran, or is over and cleaned up */
        PROCESS_CREATED, /* exists, does not run */
        PROCESS_RUNNING, /* its end is waited for */
        PROCESS_ENDING,  /* ended; being cleaned up */
};

enum check_kind { CHECK_HEALTH, CHECK_READINESS, N_CHECKS };

struct executor_task {
        struct executor_containerd *executor;
        struct executor_events events;
        void *context;
        struct arena arena;
        struct executor_facts facts;

        /* What it is made from. */
        const char *id, *name; /* "web.3.<id>" */
        const Sk__TaskAssignment *assignment;
        const Sk__ServiceSpec *spec;
        bool is_unwanted; /* only its id is known: the spec is an empty one */
        struct expand_values values;
        struct bundle_file *files; /* secrets, then configs */
        size_t n_files;
        const char **resource_env; /* "DOCKER_RESOURCE_GPU=..." */
        size_t n_resource_env;
        Sk__Label *labels;
        size_t n_labels;

        /* The verb under way, and the one that waits for it to give way. */
        struct chain verb;
        bool is_verb_open; /* a 'done' is owed */
        chain_step *const *next_verb;
        void (*next_ended)(void *context, const struct err *err);
        struct loop_post cancelled;
        bool is_cancel_posted;
        struct err
                verb_err; /* what prepare or start failed with, told after the remains are gone */
        size_t image_at;  /* the mount whose image is seen to */
        struct err start_err; /* what containerd said when asked to start the process */
        struct image_request *image_request;
        struct network_request *network_request;
        bool awaits_end; /* the verb goes on when the process is over and cleaned up */
        struct loop_timer patience;
        struct rpc_request *kill;
        int signal; /* the last one sent, and to whom */
        bool to_all;
        struct loop_timer signal_retry;
        bool is_killing; /* SIGKILL was sent: no more patience after this */

        /* What is there. */
        bool is_prepared;
        bool is_clean;         /* nothing is left but its folder */
        bool has_remains;      /* giving something back failed: it is not clean */
        bool has_lost_process; /* it may have one that containerd knows nothing of */
        bool is_cut_off;       /* an earlier agent's container, without a process when found */
        bool shares_shim;      /* with others, when it left it */
        bool has_snapshots;    /* of images it mounts, for all one knows */
        struct vec snapshots;  /* of const char *: keys of those that are to go */
        struct image image;
        struct bundle_image *images; /* one for each mount */
        const Ctd__Snapshots__PrepareResponse *snapshot;
        struct rootfs_mount rootfs;
        const char *netns_path, *address;
        struct bundle bundle;
        int stop_signal;

        /* The process. */
        enum process_state process;
        struct shim_process shim_process;
        struct shim_place shim;
        bool has_turn;
        bool is_shim_gone; /* the one it was to start in: it is prepared again, for another */
        struct rpc_request *wait;
        struct loop_timer wait_retry;
        struct chain ending;
        struct executor_exit exit;
        bool has_exited, was_started; /* as the marks in the task's folder say after open */
        struct log_sink *sink;
        bool is_tty;
        const char *cause; /* why it was made to end; NULL: it was not, or a person asked */

        struct str check_texts[N_CHECKS]; /* see health_parse(); empty: nothing is to be checked */
        struct check *checks[N_CHECKS];   /* NULL: not looked after */
        char log_trouble[320];
        struct arena health_arena; /* of what the facts tell of it */
        bool awaits_health;        /* start goes on when it is healthy */
};

/* --- paths --- */
#define EXECUTOR_RUNC_FOLDER "runc" /* in the run folder: runc's state, one folder a namespace */
void task_path(const struct executor_task *task, const char *name, char ret[static PATH_SIZE]);
void task_run_path(const struct executor_task *task, const char *name, char ret[static PATH_SIZE]);

/* Of a task that nobody wants any more it is not known. */
bool executor_may_mount(const struct executor_task *task, Sk__Mount__Type type);

/* Copies what the task is made from: spec, names, labels, secrets. */
void executor_take_input(struct executor_task *task, const struct executor_input *input);

/* --- verbs: each a table of steps --- */
extern chain_step *const executor_open_steps[];
extern chain_step *const executor_prepare_steps[];
extern chain_step *const executor_start_steps[];
extern chain_step *const executor_resume_steps[]; /* a start that an earlier agent began */
extern chain_step *const executor_wait_steps[];   /* the end of a start, when it runs already */
extern chain_step *const executor_undo_steps[];
extern chain_step *const executor_shutdown_steps[];
extern chain_step *const executor_terminate_steps[];
extern chain_step *const executor_remove_steps[];
extern chain_step *const executor_ending_steps[];

/* Ends the verb under way and tells; 'err' NULL: it went well. */
void executor_verb_ended(void *context, const struct err *err);

/* Steps of prepare that obtain what the task's image, and those it mounts, hold. */
void executor_obtain_image(void *context);
void executor_obtain_mount_images(void *context);
void executor_view_mount_images(void *context);
/* On the container, with the image's id; for those of mounts with "." and the mount's number. */
#define EXECUTOR_IMAGE_LABEL "skep.image-id"

/* What to ask for a snapshot that is the task's; strings in 'arena' or borrowed. */
void executor_describe_snapshot(const struct executor_task *task, struct arena *arena,
                                const char *key, const char *parent,
                                Ctd__Snapshots__PrepareRequest *ret);
/* Takes over where a snapshot is. */
int executor_keep_snapshot(struct executor_task *task, Ctd__Types__Mount *const *mounts, size_t n,
                           const Ctd__Snapshots__PrepareResponse **ret_snapshot,
                           struct rootfs_mount *ret_mount, struct err *err);

/* Steps that several verbs share. */
void executor_find_process(void *context);
/* Has the task no network of its own ("host" was asked for, or there is no skep-mesh)? */
bool executor_shares_network(const struct executor_task *task);
void executor_attach_network(void *context);

/* Has containerd delete the process, which may end its shim: while others start in it the step of
 * 'chain' comes again. */
void executor_delete_process(struct executor_task *task, struct chain *chain,
                             void (*answered)(void *context, const void *out,
                                              const struct err *err));

/* Giving back what the container holds. */
void executor_delete_container(void *context);
void executor_remove_snapshot(void *context);
void executor_detach_network(void *context);
void executor_remove_memory(void *context);
void executor_settle_volumes(void *context);
void executor_find_snapshots(void *context);
void executor_remove_snapshots(void *context);
/* On the pool. */
int executor_unmount_parts(const struct executor_task *task, struct err *err);
#define EXECUTOR_CLEAN_STEPS                                                              \
        executor_delete_container, executor_remove_snapshot, executor_detach_network,     \
                executor_remove_memory, executor_settle_volumes, executor_find_snapshots, \
                executor_remove_snapshots

/* What the service's log driver and its options mean here; strings in 'arena' or the spec. */
int executor_read_log_config(const struct executor_task *task, struct arena *arena,
                             struct log_config *ret, struct err *err);

/* Options of containerd's runtime, for creating containers and their processes. */
void executor_runtime_options(struct executor_task *task, struct arena *arena,
                              Ctd__Types__Any *ret);

/* --- the process --- */

/* Another one may start now; no-op when this one did not. */
void executor_end_turn(struct executor_task *task);

/* Waits for its end, which leads to 'ending'. */
void executor_watch_process(struct executor_task *task);

/* 'ending' is through. */
void executor_end_cleaned(void *context, const struct err *err);

/* Begins to read its output; no-op when that is done already. */
int executor_open_logs(struct executor_task *task, struct err *err);
void executor_close_logs(struct executor_task *task);

/* --- its health --- */

/* On the pool: PREFIXstdout and PREFIXstderr in the run folder; also for its probes. */
int executor_make_fifos(const struct executor_task *task, const char *prefix, struct err *err);
int executor_make_probe_fifos(const struct executor_task *task, struct err *err);
/* On the pool: reads how to look after the container, if at all; later, when it runs, begins. */
void executor_read_health(struct executor_task *task);
void executor_begin_health(struct executor_task *task, bool is_adopted);
/* It runs no more, or the handle is closed. */
void executor_end_health(struct executor_task *task);

/* Sends a signal to the process, until containerd has heard it; does not wait for that. */
void executor_send_signal(struct executor_task *task, int signal, bool to_all);
void executor_forget_signal(struct executor_task *task);

/* --- going inside --- */
struct executor_entry *executor_enter(struct executor *executor, const Sk__EnterStart *start,
                                      const struct executor_entry_events *events, void *context);
void executor_entry_end_input(struct executor_entry *entry);
void executor_entry_resize(struct executor_entry *entry, uint32_t width, uint32_t height);
void executor_entry_finish(struct executor_entry *entry);
void executor_entry_leave(struct executor_entry *entry);
/* Ends what an earlier agent began in the container and nobody hears any more. */
void executor_end_old_entries(struct executor_task *task);
void executor_free_entries(struct executor_containerd *executor);

/* --- the executor --- */
struct volume_care *volume_care_new(struct executor_containerd *executor, const char *folder);
void volume_care_free(struct volume_care *care); /* accepts NULL */
void executor_describe(struct executor *executor, struct arena *arena, Sk__NodeDescription *ret);
void executor_list(struct executor *executor,
                   void (*listed)(void *context, const char *const *task_ids, size_t n,
                                  const struct err *err),
                   void *context);
void executor_read_host(struct oci_host *ret);
const char *executor_find_init(void);

/* Pings containerd; tells the network which attachments of earlier agents stay. */
struct disk_care *disk_care_new(struct executor_containerd *executor);
void disk_care_free(struct disk_care *disk); /* accepts NULL */
void executor_begin_watching(struct executor_containerd *executor);
void executor_end_watching(struct executor_containerd *executor);
