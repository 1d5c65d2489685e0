/* skep node update --wait: until a drained node is empty. */
#include "cli/node.h"
#include "cli/print.h"

struct emptying {
        const char *name;
        uint64_t left;
        bool is_told, is_over;
        int status;
};

static bool end(struct emptying *emptying, int status)
{
        emptying->is_over = true;
        emptying->status = status;
        return false;
}

static bool news_came(struct cli *cli, void *context, const void *message)
{
        const Sk__WatchNodeResponse *news = message;
        struct emptying *emptying = context;
        const Sk__NodeSpec *spec = news->node ? news->node->spec : NULL;

        if (news->is_gone || !spec || spec->availability != SK__NODE_SPEC__AVAILABILITY__DRAIN) {
                fprintf(stderr, "node %s is %s\n", emptying->name,
                        news->is_gone ? "gone" : "no longer drained");
                return end(emptying, 1);
        }
        if (!emptying->is_told || emptying->left != news->tasks)
                printf("%s%llu task%s left%s", cli->is_terminal && emptying->is_told ? "\r" : "",
                       (unsigned long long)news->tasks, news->tasks == 1 ? "" : "s",
                       cli->is_terminal ? "   " : "\n");
        fflush(stdout);
        emptying->is_told = true;
        emptying->left = news->tasks;
        if (news->tasks)
                return true;
        printf("%snode %s is empty\n", cli->is_terminal ? "\n" : "", emptying->name);
        return end(emptying, 0);
}

int node_wait_empty(struct cli *cli, const char *name, const char *id)
{
        Sk__WatchNodeRequest request = SK__WATCH_NODE_REQUEST__INIT;
        struct emptying emptying = { .name = name };
        int result;

        request.id = id;
        result = cli_stream(cli, RPC_METHOD(control, WatchNode), &request.base, news_came,
                            &emptying);
        if (emptying.is_over)
                return emptying.status;
        if (result == 0)
                err_set(&cli->err, ERR_UNAVAILABLE, "the watch of the node ended early");
        return cli_fail(cli);
}
