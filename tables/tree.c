/* A treap: in order by key, and no member weighs more than the one above it. */
#include "tables/tree.h"

#include "base/err.h"

/* Cuts a tree in two: what is below the key, and what is above. */
static void
split(struct tree *at, const void *key, tree_compare_fn *compare, struct tree **below,
      struct tree **above)
{
	while (at != NULL) {
		if (compare(at, key) < 0) {
			*below = at;
			below = &at->right;
			at = at->right;
		} else {
			*above = at;
			above = &at->left;
			at = at->left;
		}
	}
	*below = NULL;
	*above = NULL;
}

/* All of 'below' comes before all of 'above'. */
static struct tree *
join(struct tree *below, struct tree *above)
{
	struct tree *root = NULL;
	struct tree **link = &root;

	while (below != NULL && above != NULL) {
		if (below->weight >= above->weight) {
			*link = below;
			link = &below->right;
			below = below->right;
		} else {
			*link = above;
			link = &above->left;
			above = above->left;
		}
	}
	*link = below != NULL ? below : above;
	return root;
}

void
tree_add(struct tree **root, struct tree *member, const void *key, uint64_t weight,
	 tree_compare_fn *compare)
{
	while (*root != NULL && (*root)->weight >= weight)
		root = compare(*root, key) < 0 ? &(*root)->right : &(*root)->left;
	member->weight = weight;
	split(*root, key, compare, &member->left, &member->right);
	*root = member;
}

void
tree_take(struct tree **root, struct tree *member, const void *key, tree_compare_fn *compare)
{
	while (*root != member) {
		BUG_IF(*root == NULL);
		root = compare(*root, key) < 0 ? &(*root)->right : &(*root)->left;
	}
	*root = join(member->left, member->right);
	*member = (struct tree){0};
}

const struct tree *
tree_above(const struct tree *root, const void *key, tree_compare_fn *compare)
{
	const struct tree *found = NULL;

	while (root != NULL) {
		if (compare(root, key) > 0) {
			found = root;
			root = root->left;
		} else {
			root = root->right;
		}
	}
	return found;
}
