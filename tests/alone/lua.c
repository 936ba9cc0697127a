/* lua.c - runs a script of its own in the Lua interpreter: the large program of the benchmarks. */
#include <stdio.h>
#include <stdlib.h>

#include "lauxlib.h"
#include "lualib.h"

/*
 *     lua TIMES
 *
 * What scripts do most: calls of closures, tables as arrays, records and maps, strings built and
 * taken apart, a sort with a function of its own, and collection of what all that leaves behind.
 * Errors cannot be caught (there is no setjmp): the program ends.
 */
static const char script[] =
    "local function queens(n)\n"
    "    local cols, up, down, found = {}, {}, {}, 0\n"
    "    local function place(r)\n"
    "        if r > n then found = found + 1 return end\n"
    "        for c = 1, n do\n"
    "            if not (cols[c] or up[r + c] or down[r - c + n]) then\n"
    "                cols[c], up[r + c], down[r - c + n] = true, true, true\n"
    "                place(r + 1)\n"
    "                cols[c], up[r + c], down[r - c + n] = nil, nil, nil\n"
    "            end\n"
    "        end\n"
    "    end\n"
    "    place(1)\n"
    "    return found\n"
    "end\n"
    "local Account = {}\n"
    "Account.__index = Account\n"
    "function Account.new(id) return setmetatable({id = id, balance = 0}, Account) end\n"
    "function Account:deposit(v) self.balance = self.balance + v return self end\n"
    "local function accounts(n)\n"
    "    local all, seed = {}, 1\n"
    "    for i = 1, n do all[i] = Account.new(i) end\n"
    "    for _ = 1, 8 * n do\n"
    "        seed = (seed * 1103515245 + 12345) & 0x7fffffff\n"
    "        all[seed % n + 1]:deposit(seed / 65536.0)\n"
    "    end\n"
    "    table.sort(all, function(a, b)\n"
    "        if a.balance ~= b.balance then return a.balance < b.balance end\n"
    "        return a.id < b.id\n"
    "    end)\n"
    "    return all[1].id, all[n].balance\n"
    "end\n"
    "local function words(n)\n"
    "    local count, parts = {}, {}\n"
    "    for i = 1, n do parts[i] = string.format('w%d,%s', i * i % 97, i % 2 == 0 and 'a' or 'b') "
    "end\n"
    "    for w in table.concat(parts, ' '):gmatch('%w+') do count[w] = (count[w] or 0) + 1 end\n"
    "    local keys = {}\n"
    "    for k in pairs(count) do keys[#keys + 1] = k end\n"
    "    table.sort(keys)\n"
    "    return #keys, count.a, keys[1]:upper():rep(3)\n"
    "end\n"
    "for i = 1, TIMES do\n"
    "    print(i, queens(6), accounts(100))\n"
    "    print(i, words(200))\n"
    "end\n";

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    if (!L || argc != 2)
        return 1;
    luaL_requiref(L, "_G", luaopen_base, 1);
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
    lua_pushinteger(L, atoi(argv[1]));
    lua_setglobal(L, "TIMES");
    if (luaL_loadstring(L, script) != LUA_OK) {
        puts(lua_tostring(L, -1));
        return 1;
    }
    lua_call(L, 0, 0);
    lua_close(L);
    return 0;
}
