/* replay.c - drives the memory side from a trace: from records to requests and their time. */
#include "traces/replay.h"

#include <stdio.h>

#define BATCH 512u
/* Far beyond any run, and far enough below 2^64 for what one request may add. */
#define TIME_LIMIT (UINT64_C(1) << 62)

struct replay {
    struct hierarchy *h;
    struct replay_result *result;
    ps_t period;
    uint32_t harts;
    uint32_t accepted; /* a bit for each kind that this replay may ask for */
    int nvdimm, llc;
};

/* NULL, or why the machine cannot be asked for this. */
static const char *refusal(const struct replay *rp, const struct trace_record *r)
{
    if (!(rp->accepted >> r->kind & 1))
        return "a kind of request that no core makes";
    if (r->hart >= rp->harts)
        return "of a hart that this machine has not got";
    if (r->addr >= HIERARCHY_ADDR_LIMIT)
        return "an address beyond the physical memory";
    if (addr_is_nvdimm(r->addr) && !rp->nvdimm)
        return "an NVDIMM address, and this machine has no NVDIMM";
    if (rp->result->now >= TIME_LIMIT)
        return "more time has passed than can be counted";
    return NULL;
}

static inline void later(ps_t *time, ps_t done)
{
    if (done > *time)
        *time = done;
}

static inline void replay_one(const struct replay *rp, const struct trace_record *r)
{
    struct replay_result *res = rp->result;
    res->now += r->gap * rp->period;
    const struct mem_req req = {.addr = r->addr,
                                .at = res->now,
                                .pc = r->pc,
                                .bytes = r->bytes,
                                .kind = r->kind,
                                .hart = r->hart,
                                .side = r->side};
    struct mem_reply reply = rp->llc ? hierarchy_llc_access(rp->h, &req)
                                     : hierarchy_access(rp->h, &req);
    res->records++;
    res->instructions += r->gap;
    res->kinds[r->kind]++;
    switch ((enum mem_kind)r->kind) {
    case MEM_FETCH:
        if (reply.source == SRC_L1)
            break; /* hidden by fetching ahead */
        later(&res->now, reply.done);
        break;
    case MEM_LOAD:
    case MEM_WALK:
        later(&res->now, reply.done);
        break;
    case MEM_NTSTORE:
    case MEM_CLWB:
    case MEM_CLFLUSHOPT:
    case MEM_CLFLUSH:
        later(&res->persisted, reply.done);
        break;
    case MEM_FENCE:
        later(&res->now, res->persisted);
        break;
    default:
        break;
    }
}

static int replay_batch(const struct replay *rp, const struct trace_record *batch, size_t n,
                        const struct trace_reader *reader, char *err, size_t errlen)
{
    for (size_t i = 0; i < n; i++) {
        const char *wrong = refusal(rp, &batch[i]);
        if (wrong) {
            snprintf(err, errlen, "%s: record %llu: %s (kind %u, address 0x%llx, hart %u)",
                     trace_reader_path(reader), (unsigned long long)trace_tell(reader) - n + i,
                     wrong, batch[i].kind, (unsigned long long)batch[i].addr, batch[i].hart);
            return -1;
        }
        replay_one(rp, &batch[i]);
    }
    return 0;
}

int replay_run(struct trace_reader *reader, struct hierarchy *h, const struct replay_options *opt,
               struct replay_result *result, char *err, size_t errlen)
{
    const uint32_t only_llc = 1u << MEM_WRITEBACK, never = 1u << MEM_VISIBLE;
    const struct trace_record *batch;
    uint64_t left = opt->records ? opt->records : UINT64_MAX;
    struct replay rp = {.h = h,
                        .result = result,
                        .period = opt->period ? opt->period
                                              : trace_reader_header(reader)->period_ps,
                        .harts = hierarchy_harts(h),
                        .accepted = ~(never | (opt->llc ? 0 : only_llc)),
                        .nvdimm = hierarchy_has_nvdimm(h),
                        .llc = opt->llc};
    if (rp.period > 1000000000) {
        snprintf(err, errlen, "an instruction of %llu ps; at most 1 ms is possible",
                 (unsigned long long)rp.period);
        return -1;
    }
    while (left) {
        int64_t n = trace_next(reader, &batch, left < BATCH ? (size_t)left : BATCH, err, errlen);
        if (n <= 0)
            return (int)n;
        if (replay_batch(&rp, batch, (size_t)n, reader, err, errlen))
            return -1;
        left -= (uint64_t)n;
    }
    return 0;
}
