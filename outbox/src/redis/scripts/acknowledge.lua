-- Acknowledges entries for a receiver that nobody has replaced.
-- KEYS: the streams. ARGV: the group, the receiver, then for each stream the id up to which all delivered
-- entries are done.
-- Returns `done`; or `taken over`, which stream, and by which receiver.

local group, me = ARGV[1], ARGV[2]

local stream, owner = taken_over(KEYS, group, me)
if stream then
    return {'taken over', stream, owner}
end
for place, stream in ipairs(KEYS) do
    while true do
        local page = redis.call('XPENDING', stream, group, '-', ARGV[place + 2], 500, CONSUMER)
        if #page == 0 then
            break
        end
        local ids = {}
        for number, entry in ipairs(page) do
            ids[number] = entry[1]
        end
        redis.call('XACK', stream, group, unpack(ids))
    end
end
return {'done'}
