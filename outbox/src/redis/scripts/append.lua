-- Appends a message unless its id is known.
-- KEYS: the stream; where the entry of this message's id is remembered.
-- ARGV: for how many milliseconds, then what XADD takes, the body last.
-- Returns 1 when it is appended, 0 when it was known, nothing when there is no stream.

local known = redis.call('GET', KEYS[2])
if known then
    local entry = redis.call('XRANGE', KEYS[1], known, known)[1]
    if entry and entry[2][#entry[2]] ~= ARGV[#ARGV] then
        return redis.error_reply('OTHERBODY entry ' .. known .. ' has its id')
    end
    -- A write, so that who waits for replicas waits for what they have to have.
    redis.call('PEXPIRE', KEYS[2], ARGV[1])
    return 0
end
-- First the entry: an id is remembered only of what is stored.
local entry = redis.call('XADD', KEYS[1], unpack(ARGV, 2))
if not entry then
    return false
end
redis.call('SET', KEYS[2], entry, 'PX', ARGV[1])
return 1
