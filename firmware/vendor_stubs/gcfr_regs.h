/* SPDX-License-Identifier: Apache-2.0 */
/* STUB: the izer's cnn.c includes it; what it takes of it stands in mxc.h. */
