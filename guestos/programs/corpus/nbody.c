/* nbody.c - gravity among many bodies by an octree (Barnes and Hut, Nature 324, 1986). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   nbody STEPS
 *
 * 30,000 bodies in clusters. Each step builds the tree anew, body by body, works out the centres of
 * mass, walks the tree for each body (cells whose side is below half the distance count as one
 * body), and moves all. Prints the kinetic energy.
 */
#define BODIES   30000u
#define CELLS    (3 * BODIES)
#define CLUSTERS 12u
#define DEPTH    24u

struct body {
    double at[3], speed[3], force[3], mass;
};

struct cell {
    double centre[3], mass;
    int32_t child[8]; /* 0: none, above: a cell, below: body -child - 1 */
};

struct system {
    struct body *body;
    struct cell *cell;
    int32_t used;
};

static void *get(size_t n, size_t each)
{
    void *p = calloc(n, each);
    if (p)
        return p;
    fprintf(stderr, "nbody: out of memory\n");
    exit(1);
}

static double draw(uint64_t *random)
{
    return (double)(random_next(random) >> 11) / 9007199254740992.0;
}

static void make_bodies(struct body *b)
{
    uint64_t random = 1;
    double centre[CLUSTERS][3];
    for (uint32_t c = 0; c < CLUSTERS; c++)
        for (int k = 0; k < 3; k++)
            centre[c][k] = 0.1 + 0.8 * draw(&random);
    for (uint32_t i = 0; i < BODIES; i++) {
        const uint32_t c = (uint32_t)random_next(&random) % CLUSTERS;
        for (int k = 0; k < 3; k++) {
            b[i].at[k] = centre[c][k] + 0.1 * (draw(&random) * draw(&random) - 0.25);
            b[i].speed[k] = 0.01 * (draw(&random) - 0.5);
        }
        b[i].mass = 1.0 / BODIES;
    }
}

/* The octant of a place in a cell around `middle`, which moves to the octant's own. */
static int octant(const double *at, double *middle, double quarter)
{
    int o = 0;
    for (int k = 0; k < 3; k++) {
        const int upper = at[k] >= middle[k];
        o |= upper << k;
        middle[k] += upper ? quarter : -quarter;
    }
    return o;
}

static int32_t new_cell(struct system *s)
{
    if (s->used == (int32_t)CELLS) {
        fprintf(stderr, "nbody: too many cells\n");
        exit(1);
    }
    s->cell[s->used] = (struct cell){0};
    return s->used++;
}

static void insert(struct system *s, int32_t i)
{
    double middle[3] = {0.5, 0.5, 0.5}, side = 2.0;
    int32_t at = 1;
    for (uint32_t depth = 0;; depth++) {
        side /= 2;
        int32_t *child = &s->cell[at].child[octant(s->body[i].at, middle, side / 2)];
        if (!*child || depth == DEPTH) { /* bodies at one place: the last one stands for them */
            *child = -i - 1;
            return;
        }
        if (*child < 0) {
            const int32_t other = -*child - 1;
            double inside[3] = {middle[0], middle[1], middle[2]};
            at = *child = new_cell(s);
            s->cell[at].child[octant(s->body[other].at, inside, side / 4)] = -other - 1;
        } else {
            at = *child;
        }
    }
}

static void add_mass(struct cell *c, const double *at, double mass)
{
    for (int k = 0; k < 3; k++)
        c->centre[k] += at[k] * mass;
    c->mass += mass;
}

/* Cells come after their parents, so from the last to the first. */
static void weigh(struct system *s)
{
    for (int32_t i = s->used - 1; i > 0; i--) {
        struct cell *c = &s->cell[i];
        for (int o = 0; o < 8; o++)
            if (c->child[o] > 0)
                add_mass(c, s->cell[c->child[o]].centre, s->cell[c->child[o]].mass);
            else if (c->child[o] < 0)
                add_mass(c, s->body[-c->child[o] - 1].at, s->body[-c->child[o] - 1].mass);
        for (int k = 0; k < 3; k++)
            c->centre[k] /= c->mass;
    }
}

static double distance(const struct body *b, const double *at, double *d)
{
    double square = 1e-6;
    for (int k = 0; k < 3; k++) {
        d[k] = at[k] - b->at[k];
        square += d[k] * d[k];
    }
    return square;
}

static void pull(struct body *b, const double *d, double square, double mass)
{
    const double f = mass / (square * sqrt(square));
    for (int k = 0; k < 3; k++)
        b->force[k] += f * d[k];
}

static void walk(const struct system *s, struct body *b, int32_t at, double side)
{
    const struct cell *c = &s->cell[at];
    double d[3];
    for (int o = 0; o < 8; o++) {
        const int32_t child = c->child[o];
        if (!child)
            continue;
        const double *place = child > 0 ? s->cell[child].centre : s->body[-child - 1].at;
        const double mass = child > 0 ? s->cell[child].mass : s->body[-child - 1].mass;
        const double square = distance(b, place, d);
        if (child > 0 && side * side > square)
            walk(s, b, child, side / 2);
        else
            pull(b, d, square, mass);
    }
}

int main(int argc, char **argv)
{
    const uint32_t steps = number_argument_or(argc, argv, 1, "nbody: STEPS", 1, 1, 1000000);
    struct system s = {get(BODIES, sizeof(struct body)), get(CELLS, sizeof(struct cell)), 1};
    double energy = 0;
    make_bodies(s.body);
    for (uint32_t n = 0; n < steps; n++) {
        s.used = 1;
        (void)new_cell(&s);
        for (uint32_t i = 0; i < BODIES; i++)
            insert(&s, (int32_t)i);
        weigh(&s);
        for (uint32_t i = 0; i < BODIES; i++) {
            for (int k = 0; k < 3; k++)
                s.body[i].force[k] = 0;
            walk(&s, &s.body[i], 1, 1.0);
        }
        for (uint32_t i = 0; i < BODIES; i++)
            for (int k = 0; k < 3; k++) {
                s.body[i].speed[k] += 1e-4 * s.body[i].force[k];
                s.body[i].at[k] += 1e-4 * s.body[i].speed[k];
            }
    }
    for (uint32_t i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            energy += s.body[i].speed[k] * s.body[i].speed[k] * s.body[i].mass / 2;
    printf("nbody: kinetic energy %.6e\n", energy);
    return 0;
}
