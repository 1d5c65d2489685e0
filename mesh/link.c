/* Carries out: namespaces, devices, addresses and routes over netlink. */
#include "mesh/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/base/check.h"
#include "lib/base/str.h"

enum { BATCH_SIZE = 16 * 1024, MESSAGES_MAX = 16, INNER_INDEX = 2 };

/* 169.254.1.1: the next hop inside, answered for by a permanent neighbour. */
#define GATEWAY 0xa9fe0101u

static void mnl_closep(struct mnl_socket **socket)
{
        if (*socket)
                mnl_socket_close(*socket);
}

/* Several requests sent together, each answered by an ack. */
struct batch {
        char data[BATCH_SIZE];
        size_t used;
        int n;
        const char *what[MESSAGES_MAX]; /* for errors */
        int may_fail[MESSAGES_MAX];     /* an errno that is fine, or 0 */
};

static struct nlmsghdr *batch_add(struct batch *batch, uint16_t type, uint16_t flags,
                                  const char *what, int may_fail)
{
        struct nlmsghdr *header = mnl_nlmsg_put_header(batch->data + batch->used);

        CHECK(batch->n < MESSAGES_MAX && batch->used + 1024 < BATCH_SIZE);
        header->nlmsg_type = type;
        header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        header->nlmsg_seq = (uint32_t)batch->n;
        batch->what[batch->n] = what;
        batch->may_fail[batch->n++] = may_fail;
        return header;
}

static void batch_end(struct batch *batch, const struct nlmsghdr *header)
{
        batch->used += NLMSG_ALIGN(header->nlmsg_len);
}

static int open_route_socket(struct mnl_socket **ret, struct err *err)
{
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

        if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
                if (socket)
                        mnl_socket_close(socket);
                return err_set(err, ERR_UNAVAILABLE, "netlink: %s", strerror(errno));
        }
        *ret = socket;
        return 0;
}

static int check_ack(const struct batch *batch, const struct nlmsghdr *header, struct err *err)
{
        const struct nlmsgerr *ack = mnl_nlmsg_get_payload(header);
        uint32_t i = header->nlmsg_seq;

        if (header->nlmsg_type != NLMSG_ERROR || ack->error == 0 || i >= (uint32_t)batch->n ||
            -ack->error == batch->may_fail[i])
                return 0;
        return err_set(err, ERR_UNAVAILABLE, "%s: %s", batch->what[i], strerror(-ack->error));
}

/* The first failure is told; all acks are read. */
static int batch_run(struct batch *batch, struct mnl_socket *socket, struct err *err)
{
        int left = batch->n, result = 0;
        char reply[BATCH_SIZE];

        if (mnl_socket_sendto(socket, batch->data, batch->used) < 0)
                return err_set(err, ERR_UNAVAILABLE, "netlink: %s", strerror(errno));
        while (left > 0) {
                ssize_t received = mnl_socket_recvfrom(socket, reply, sizeof reply);
                const struct nlmsghdr *header = (const struct nlmsghdr *)reply;
                int size = (int)received;

                if (received < 0)
                        return err_set(err, ERR_UNAVAILABLE, "netlink: %s", strerror(errno));
                for (; mnl_nlmsg_ok(header, size); header = mnl_nlmsg_next(header, &size), left--)
                        if (result == 0)
                                result = check_ack(batch, header, err);
        }
        return result;
}

/* --- the pieces of an attachment --- */

static void add_device(struct batch *batch, const struct mesh_attachment *attachment, int netns)
{
        struct nlmsghdr *header =
                batch_add(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "making the device", 0);
        struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof *link), *inner;
        struct nlattr *info, *data, *peer;
        uint8_t mac[6];

        link->ifi_family = AF_UNSPEC;
        mnl_attr_put_strz(header, IFLA_IFNAME, attachment->device);
        mesh_outer_mac(attachment->address, mac);
        mnl_attr_put(header, IFLA_ADDRESS, sizeof mac, mac);
        info = mnl_attr_nest_start(header, IFLA_LINKINFO);
        mnl_attr_put_strz(header, IFLA_INFO_KIND, "veth");
        data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
        peer = mnl_attr_nest_start(header, VETH_INFO_PEER);
        inner = mnl_nlmsg_put_extra_header(header, sizeof *inner);
        inner->ifi_index = INNER_INDEX;
        mnl_attr_put_strz(header, IFLA_IFNAME, "eth0");
        mesh_inner_mac(attachment->address, mac);
        mnl_attr_put(header, IFLA_ADDRESS, sizeof mac, mac);
        mnl_attr_put_u32(header, IFLA_NET_NS_FD, (uint32_t)netns);
        mnl_attr_nest_end(header, peer);
        mnl_attr_nest_end(header, data);
        mnl_attr_nest_end(header, info);
        batch_end(batch, header);

        header = batch_add(batch, RTM_NEWLINK, 0, "taking the device up", 0);
        link = mnl_nlmsg_put_extra_header(header, sizeof *link);
        mnl_attr_put_strz(header, IFLA_IFNAME, attachment->device);
        link->ifi_flags = IFF_UP;
        link->ifi_change = IFF_UP;
        batch_end(batch, header);
}

/* What has a name is whole: a mesh that is killed before leaves nothing that the next would take
 * for an attachment. */
static void add_name(struct batch *batch, int index, const struct mesh_attachment *attachment)
{
        struct nlmsghdr *header = batch_add(batch, RTM_NEWLINK, 0, "naming the device", 0);
        struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof *link);
        struct str alias = { 0 };

        link->ifi_index = index;
        mesh_alias_write(attachment, &alias);
        mnl_attr_put_strz(header, IFLA_IFALIAS, str_text(&alias));
        str_done(&alias);
        batch_end(batch, header);
}

static void add_up(struct batch *batch, int index)
{
        struct nlmsghdr *header = batch_add(batch, RTM_NEWLINK, 0, "taking the device up", 0);
        struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof *link);

        link->ifi_index = index;
        link->ifi_flags = IFF_UP;
        link->ifi_change = IFF_UP;
        batch_end(batch, header);
}

static void add_address(struct batch *batch, int index, uint32_t address, uint8_t scope)
{
        struct nlmsghdr *header = batch_add(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
                                            "setting the address", EEXIST);
        struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);

        message->ifa_family = AF_INET;
        message->ifa_prefixlen = 32;
        message->ifa_scope = scope;
        message->ifa_index = (unsigned)index;
        mnl_attr_put_u32(header, IFA_LOCAL, htonl(address));
        mnl_attr_put_u32(header, IFA_ADDRESS, htonl(address));
        batch_end(batch, header);
}

static void add_neighbour(struct batch *batch, int index, uint32_t address,
                          const uint8_t mac[static 6])
{
        struct nlmsghdr *header = batch_add(batch, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
                                            "setting the neighbour", 0);
        struct ndmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);

        message->ndm_family = AF_INET;
        message->ndm_ifindex = index;
        message->ndm_state = NUD_PERMANENT;
        mnl_attr_put_u32(header, NDA_DST, htonl(address));
        mnl_attr_put(header, NDA_LLADDR, 6, mac);
        batch_end(batch, header);
}

/* A route to one address on the device, or (address 0) the default route by 'gateway'. */
static void add_route(struct batch *batch, int index, uint32_t address, uint32_t gateway)
{
        struct nlmsghdr *header = batch_add(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
                                            "setting the route", 0);
        struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);

        message->rtm_family = AF_INET;
        message->rtm_dst_len = address ? 32 : 0;
        message->rtm_table = RT_TABLE_MAIN;
        message->rtm_protocol = RTPROT_STATIC;
        message->rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
        message->rtm_type = RTN_UNICAST;
        message->rtm_flags = gateway ? RTNH_F_ONLINK : 0;
        if (address)
                mnl_attr_put_u32(header, RTA_DST, htonl(address));
        if (gateway)
                mnl_attr_put_u32(header, RTA_GATEWAY, htonl(gateway));
        mnl_attr_put_u32(header, RTA_OIF, (uint32_t)index);
        batch_end(batch, header);
}

static int write_sysctl(const char *path, const char *value)
{
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd >= 0 && write(fd, value, strlen(value)) > 0 ? 0 : -1;
}

static int dress_outer(const struct mesh_attachment *attachment, struct err *err)
{
        _cleanup_(mnl_closep) struct mnl_socket *socket = NULL;
        _cleanup_(str_done) struct str path = { 0 };
        struct batch batch = { 0 };
        int index = (int)if_nametoindex(attachment->device);
        uint8_t mac[6];

        TRY(open_route_socket(&socket, err));
        mesh_inner_mac(attachment->address, mac);
        add_address(&batch, index, GATEWAY, RT_SCOPE_LINK);
        add_neighbour(&batch, index, attachment->address, mac);
        add_route(&batch, index, attachment->address, 0);
        /* Lets what local clients send to 127.0.0.1:PORT leave by this device. */
        str_addf(&path, "/proc/sys/net/ipv4/conf/%s/route_localnet", attachment->device);
        write_sysctl(str_text(&path), "1");
        add_name(&batch, index, attachment);
        return batch_run(&batch, socket, err);
}

/* Inside the namespace. */
static int dress_inner(const struct mesh_attachment *attachment, struct err *err)
{
        _cleanup_(mnl_closep) struct mnl_socket *socket = NULL;
        struct batch batch = { 0 };
        uint8_t mac[6];

        TRY(open_route_socket(&socket, err));
        mesh_outer_mac(attachment->address, mac);
        add_up(&batch, 1);
        add_up(&batch, INNER_INDEX);
        add_address(&batch, INNER_INDEX, attachment->address, RT_SCOPE_UNIVERSE);
        add_neighbour(&batch, INNER_INDEX, GATEWAY, mac);
        add_route(&batch, INNER_INDEX, GATEWAY, 0);
        add_route(&batch, INNER_INDEX, 0, GATEWAY);
        return batch_run(&batch, socket, err);
}

/* A fresh namespace bound to 'path'; *ret_fd refers to it, the thread is in it afterwards. */
static int make_netns(const char *path, int *ret_fd, struct err *err)
{
        _cleanup_(closep) int file = -1, netns = -1;

        umount2(path, MNT_DETACH);
        file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
        if (file < 0)
                return err_set(err, ERR_UNAVAILABLE, "create '%s': %s", path, strerror(errno));
        if (unshare(CLONE_NEWNET) < 0)
                return err_set(err, ERR_UNAVAILABLE, "a new network namespace: %s",
                               strerror(errno));
        if (mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL) < 0)
                return err_set(err, ERR_UNAVAILABLE, "bind '%s': %s", path, strerror(errno));
        netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (netns < 0)
                return err_set(err, ERR_UNAVAILABLE, "open the network namespace: %s",
                               strerror(errno));
        *ret_fd = TAKE_FD(netns);
        return 0;
}

static int attach_from(int home, const struct mesh_attachment *attachment, const char *netns_path,
                       struct err *err)
{
        _cleanup_(mnl_closep) struct mnl_socket *socket = NULL;
        _cleanup_(closep) int netns = -1;
        struct batch batch = { 0 };

        TRY(open_route_socket(&socket, err));
        TRY(make_netns(netns_path, &netns, err));
        add_device(&batch, attachment, netns);
        TRY(batch_run(&batch, socket, err));
        TRY(dress_inner(attachment, err));
        if (setns(home, CLONE_NEWNET) < 0)
                return err_set(err, ERR_INTERNAL, "back to the node's network namespace: %s",
                               strerror(errno));
        return dress_outer(attachment, err);
}

int link_attach(const struct mesh_attachment *attachment, const char *netns_path, struct err *err)
{
        _cleanup_(closep) int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        int result;

        if (home < 0)
                return err_set(err, ERR_UNAVAILABLE, "open the node's network namespace: %s",
                               strerror(errno));
        if (if_nametoindex(attachment->device))
                TRY(link_detach(attachment, netns_path, err));
        result = attach_from(home, attachment, netns_path, err);
        /* However it went, this thread goes on in the node's own namespace. */
        CHECK(setns(home, CLONE_NEWNET) == 0);
        if (result < 0)
                link_detach(attachment, netns_path, NULL);
        return result;
}

int link_detach(const struct mesh_attachment *attachment, const char *netns_path, struct err *err)
{
        _cleanup_(mnl_closep) struct mnl_socket *socket = NULL;
        struct batch batch = { 0 };
        struct nlmsghdr *header;

        if (umount2(netns_path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
                return err_set(err, ERR_UNAVAILABLE, "unmount '%s': %s", netns_path,
                               strerror(errno));
        unlink(netns_path);
        if (!if_nametoindex(attachment->device))
                return 0;
        TRY(open_route_socket(&socket, err));
        header = batch_add(&batch, RTM_DELLINK, 0, "removing the device", ENODEV);
        mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(header, IFLA_IFNAME, attachment->device);
        batch_end(&batch, header);
        return batch_run(&batch, socket, err);
}
