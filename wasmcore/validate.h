/* validate.h - are function bodies well-typed? */
#ifndef WASMCORE_VALIDATE_H
#define WASMCORE_VALIDATE_H

#include "wasmcore/operator.h"

struct validator;

/* For the bodies of one module, all of which has been read; err is where body errors go. All three
 * must outlive it. limits NULL: the defaults. NULL: no memory. */
struct validator *validator_new(struct module *m, const struct wasm_limits *limits,
                                struct wasm_error *err);
void validator_free(struct validator *v);

/*
 * One body: begin, then an operator after the other while it is open, then finish. 0, or -1 with
 * the error set, after which the body is given up. f's max_height and max_depth are right up to
 * each operator, which is what validator_op says once validate_next has found it valid: so whoever
 * makes something of a body need not read it again.
 */
int validate_begin(struct validator *v, struct function *f);
int validate_is_open(const struct validator *v);
int validate_next(struct validator *v);
const struct op *validator_op(const struct validator *v);
int validate_finish(struct validator *v);

#endif
