/* What there is already: devices told by the kernel, ports, nft, forwarding. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/base/mem.h"
#include "lib/base/vec.h"
#include "mesh/link.h"

enum { PORT_FIRST = 30000, PORT_LAST = 32767, LIST_TRIES = 20 };

static int take_link(const struct nlmsghdr *header, void *data)
{
        struct vec *attachments = data;
        const struct nlattr *attribute;

        mnl_attr_for_each(attribute, header, sizeof(struct ifinfomsg))
        {
                struct mesh_attachment attachment;

                if (mnl_attr_get_type(attribute) == IFLA_IFALIAS &&
                    mesh_alias_read(mnl_attr_get_str(attribute), &attachment, NULL) == 0)
                        vec_push(attachments, &attachment);
        }
        return MNL_CB_OK;
}

static void mnl_closep(struct mnl_socket **socket)
{
        if (*socket)
                mnl_socket_close(*socket);
}

/* Asks the kernel once, on a socket of its own: what is left of an interrupted answer goes with
 * it.  Errors: as errno, negative; -EINTR: devices came or went meanwhile. */
static int list_once(struct vec *attachments)
{
        _cleanup_(mnl_closep) struct mnl_socket *socket =
                mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        char buffer[32 * 1024];
        struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
        int result = MNL_CB_OK;

        header->nlmsg_type = RTM_GETLINK;
        header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
        if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
            mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
                return -errno;
        while (result == MNL_CB_OK) {
                ssize_t received = mnl_socket_recvfrom(socket, buffer, sizeof buffer);

                result = received < 0 ? MNL_CB_ERROR
                                      : mnl_cb_run(buffer, (size_t)received, 0, 0, take_link,
                                                   attachments);
        }
        return result == MNL_CB_ERROR ? -errno : 0;
}

int link_list(void (*found)(void *context, const struct mesh_attachment *attachment), void *context,
              struct err *err)
{
        _cleanup_(vec_done) struct vec attachments = VEC_OF(struct mesh_attachment);
        int result = -EINTR;

        for (int i = 0; i < LIST_TRIES && result == -EINTR; i++) {
                vec_clear(&attachments);
                result = list_once(&attachments);
        }
        if (result < 0)
                return err_set(err, ERR_UNAVAILABLE, "this node's devices cannot be listed: %s",
                               strerror(-result));
        for (size_t i = 0; i < attachments.n; i++)
                found(context, &VEC_AT(&attachments, struct mesh_attachment, i));
        return 0;
}

void link_sweep(const char *netns_folder, bool (*is_known)(void *context, const char *id),
                void *context)
{
        DIR *folder = opendir(netns_folder);
        const struct dirent *entry;
        char path[512];

        while (folder && (entry = readdir(folder))) {
                struct mesh_attachment left = { 0 };

                if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof left.id ||
                    is_known(context, entry->d_name))
                        continue;
                strcpy(left.id, entry->d_name);
                mesh_device_name(left.id, left.device);
                snprintf(path, sizeof path, "%s/%s", netns_folder, left.id);
                (void)link_detach(&left, path, NULL);
        }
        if (folder)
                closedir(folder);
}

int link_nft(const char *commands, struct err *err)
{
        struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
        int result = -1;

        if (!context)
                return err_set(err, ERR_UNAVAILABLE, "libnftables could not be started");
        nft_ctx_buffer_output(context);
        nft_ctx_buffer_error(context);
        result = nft_run_cmd_from_buffer(context, commands);
        if (result != 0)
                err_set(err, ERR_UNAVAILABLE, "nftables: %.300s",
                        nft_ctx_get_error_buffer(context));
        nft_ctx_free(context);
        return result == 0 ? 0 : ERR_UNAVAILABLE;
}

int link_enable_forwarding(char *ret_was, struct err *err)
{
        static const char path[] = "/proc/sys/net/ipv4/ip_forward";
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC), writable = -1;
        char now = '0';

        if (fd < 0 || read(fd, &now, 1) != 1)
                return err_set(err, ERR_UNAVAILABLE, "%s cannot be read: %s", path,
                               strerror(errno));
        *ret_was = now;
        if (now != '0')
                return 0;
        writable = open(path, O_WRONLY | O_CLOEXEC);
        if (writable < 0 || write(writable, "1", 1) != 1)
                return err_set(err, ERR_UNAVAILABLE,
                               "%s cannot be set: %s: tasks have no way out of this node", path,
                               strerror(errno));
        return 0;
}

/* Bound but not listening: nobody else can take the port, and nobody is answered here. */
static int bind_port(uint8_t protocol, uint16_t port)
{
        int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);

        if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
                return fd;
        if (fd >= 0)
                close(fd);
        return -1;
}

int link_reserve_port(uint8_t protocol, uint16_t port, int *ret_fd, uint16_t *ret_port,
                      struct err *err)
{
        struct timespec now;
        int fd = -1;

        if (port) {
                fd = bind_port(protocol, port);
                if (fd < 0)
                        return err_set(err, errno == EADDRINUSE ? ERR_EXISTS : ERR_UNAVAILABLE,
                                       "port %u cannot be published on this node: %s", port,
                                       strerror(errno));
                *ret_fd = fd;
                *ret_port = port;
                return 0;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        for (unsigned i = 0; i <= PORT_LAST - PORT_FIRST && fd < 0; i++) {
                *ret_port = (uint16_t)(PORT_FIRST + ((unsigned long)now.tv_nsec / 1000 + i) %
                                                            (PORT_LAST - PORT_FIRST + 1));
                fd = bind_port(protocol, *ret_port);
        }
        if (fd < 0)
                return err_set(err, ERR_EXHAUSTED, "no port from %d to %d is free on this node",
                               PORT_FIRST, PORT_LAST);
        *ret_fd = fd;
        return 0;
}
