/* c16.c - C16: a pointer in persistent memory to something that the power cut takes away. broken:
 * to the heap; stack: to a variable; static: to one that is not on the stack. */
#include "pm.h"

struct node {
    uint64_t value;
    struct node *volatile next;
};

static struct node fixed;

int main(int argc, char **argv)
{
    struct node *head = pm_open("c16", 4096), local = {.value = 3};
    struct node *n = head + 8;
    if (pm_is(argc, argv, "broken"))
        n = malloc(sizeof *n);
    if (pm_is(argc, argv, "stack"))
        n = &local;
    if (pm_is(argc, argv, "static"))
        n = &fixed;
    if (!n)
        return 9;
    n->value = 7;
    n->next = NULL;
    if (n == head + 8)
        pmem_persist(n, sizeof *n);
    head->next = n;
    pmem_persist(head, sizeof *head);
    return head->next->value == 7 ? 0 : 9;
}
