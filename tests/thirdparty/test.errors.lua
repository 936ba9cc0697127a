-- test.errors.lua - for `make thirdparty-test`: errors, protected calls, coroutines; ends with an error.
print(pcall(error, "x"))
print(pcall(function() local a = nil; return a.b end))
local co = coroutine.wrap(function(a) for i=1,3 do a = coroutine.yield(a*i) end error({code=7}) end)
print(co(1), co(2), co(3), select("#", pcall(co, 4)))
print(pcall(co, 5))
local ok, e = pcall(co, 1) print(ok, e)
print(select(2, xpcall(function() error("deep") end, debug.traceback)))
local function rec(n) if n == 0 then error("bottom") end return (rec(n-1)) end
print(pcall(rec, 150))
print(pcall(string.rep, "x", -1), pcall(string.rep))
local n = 0
for i = 1, 100000 do if not pcall(error, i) then n = n + 1 end end print(n)
local function inf() return 1 + inf() end
print(select(2, pcall(inf)))
print(pcall(string.gsub, "hello", "l", function() error("in gsub") end))
print(load("x ="))
local t = setmetatable({}, {__index=function(t,k) error("no "..k) end, __close=function() print("closed") end})
print(pcall(function() local z <close> = t; return t.foo end))
print(pcall(table.sort, {3,2,1}, function(a,b) coroutine.yield() end))
local c2 = coroutine.create(function() pcall(function() coroutine.yield(1) error("after") end) coroutine.yield(2) end)
print(coroutine.resume(c2)) print(coroutine.resume(c2)) print(coroutine.resume(c2)) print(coroutine.resume(c2))
error("the end")
