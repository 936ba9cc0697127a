-- test.lua - for `make thirdparty-test`: closures, strings, tables, files. No coroutines: they need setjmp.
local t = {}
for i = 1, 2000 do t[i] = (i * 7919) % 2003 end
table.sort(t)
print(#t, t[1], t[1000], t[2000])
local f = assert(io.open("out.txt", "w"))
for i = 1, 100 do f:write(string.format("%d %5.2f %s\n", i, math.sqrt(i), string.rep("x", i % 7))) end
f:close()
local n, words = 0, {}
for line in io.lines("sample.txt") do
    for w in line:gmatch("%a+") do words[w] = (words[w] or 0) + 1; n = n + 1 end
end
local list = {}
for w, c in pairs(words) do list[#list + 1] = w end
table.sort(list, function(a, b) if words[a] ~= words[b] then return words[a] > words[b] end return a < b end)
print(n, #list)
for i = 1, 5 do print(list[i], words[list[i]]) end
local function counter() local n = 0 return function() n = n + 1 return n * n end end
local gen = counter()
print(gen(), gen(), gen(), select("#", table.unpack(t, 1, 200)))
os.rename("out.txt", "renamed.txt")
print(io.open("out.txt") == nil, #assert(io.open("renamed.txt")):read("a"))
