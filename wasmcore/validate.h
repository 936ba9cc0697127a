/* validate.h - are function bodies well-typed? */
#ifndef WASMCORE_VALIDATE_H
#define WASMCORE_VALIDATE_H

#include "wasmcore/operator.h"

/* Called for each operator once it has been found valid, in order: so that whoever makes something
 * of a body need not read it again. */
typedef void op_sink(void *arg, const struct op *o);

struct validator;

/* For the bodies of one module, all of which has been read; err is where body errors go. All three
 * must outlive it. limits NULL: the defaults. NULL: no memory. */
struct validator *validator_new(struct module *m, const struct wasm_limits *limits,
                                struct wasm_error *err);
void validator_free(struct validator *v);

/*
 * Validate one body and set its function's max_height and max_depth, which are right up to each
 * operator when the sink is called. sink NULL: nobody is called. 0, or -1 with the error set; the
 * sink may have been called for what came before it.
 */
int validate_body(struct validator *v, struct function *f, op_sink *sink, void *arg);

#endif
