#pragma once
// The plain functions of SHA-256 are marked as old; they alone show the state of a hash that is not finished.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>
