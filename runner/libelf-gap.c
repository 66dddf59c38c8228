/* SPDX-License-Identifier: Apache-2.0 */
/* Works around static libelf archives (elfutils 0.191 and later, as Debian packages them) that refer to four internal tree functions
 * which they do not contain. Weak, so that a complete libelf wins. A tree's first field is its root, as tsearch(3) wants it. */
#include <search.h>

struct tree {
	void *root;
};
typedef int (*compare)(const void *, const void *);
void eu_search_tree_init(struct tree *tree);
void eu_search_tree_fini(struct tree *tree, void (*free_node)(void *));
void *eu_tsearch(const void *key, struct tree *tree, compare order);
void *eu_tdelete(const void *key, struct tree *tree, compare order);

__attribute__((weak)) void eu_search_tree_init(struct tree *tree) { tree->root = 0; }
__attribute__((weak)) void eu_search_tree_fini(struct tree *tree, void (*free_node)(void *))
{
	tdestroy(tree->root, free_node);
	tree->root = 0;
}
__attribute__((weak)) void *eu_tsearch(const void *key, struct tree *tree, compare order) { return tsearch(key, &tree->root, order); }
__attribute__((weak)) void *eu_tdelete(const void *key, struct tree *tree, compare order) { return tdelete(key, &tree->root, order); }
